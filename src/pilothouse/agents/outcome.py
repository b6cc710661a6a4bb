"""What comes of an agent's work: its steps as they are made, and in the end the whole."""

from dataclasses import dataclass, field
from typing import Literal

from pilothouse.agents.labels import Label
from pilothouse.agents.transcript import Transcript
from pilothouse.types import Json

__all__ = ["Ended", "Moment", "Outcome"]

Ended = Literal["answered", "max_steps", "budget", "cost_unknown", "timeout"]
"""`cost_unknown`: there is a budget, and a model without a known price."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`text` is the last answer, `label` what it was made of, `steps` how often the model was asked. `cost_usd` is None
    where that is not known. `transcript` lets another run go on from here, with all labels."""

    text: str
    ended: Ended
    label: Label
    steps: int
    cost_usd: float | None
    trace_id: str
    transcript: Transcript


@dataclass(frozen=True, slots=True)
class Moment:
    """A step: what a model `said`, what became of a tool that was `called`, or how it `ended`."""

    kind: Literal["said", "called", "ended"]
    text: str = ""
    tool: str = ""
    arguments: Json = field(default_factory=dict)
    status: str = ""
    step: int = 0
    outcome: Outcome | None = None
