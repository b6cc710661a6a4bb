"""What is told: one message, the same for every channel. Knows nothing of channels."""

from dataclasses import asdict, dataclass, field
from typing import Self

from pilothouse.monitoring import Severity
from pilothouse.types import Json

__all__ = ["Message"]


@dataclass(frozen=True, slots=True)
class Message:
    """`event` is such as `alert.fired`, `about` the id of what it is about: a later message about it has the same.

    `over` says that what it is about has ended. `link` is a whole address. `at_us` is UTC microseconds.
    """

    event: str
    about: str
    title: str
    text: str
    at_us: int
    project_id: str
    severity: Severity = "warning"
    link: str | None = None
    over: bool = False
    data: Json = field(default_factory=dict)

    def to_json(self) -> Json:
        """All fields."""
        return asdict(self)

    @classmethod
    def from_json(cls, body: Json) -> Self:
        """What `to_json` made."""
        return cls(**body)
