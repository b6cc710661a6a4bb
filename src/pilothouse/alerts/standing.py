"""Where one rule stands for one subject, from reading to reading: hysteresis. Knows nothing of databases.

An alert begins when a rule's level is passed by so many readings in a row, and ends when as many in a row lie below its
lower level. A reading between the two levels does neither; one that could not be made, for want of samples, breaks the
row, and after a day without any the alert ends.
"""

from dataclasses import dataclass, replace
from typing import Literal

from pilothouse.alerts.judge import Reading
from pilothouse.alerts.rules import Rule

__all__ = ["Standing", "Step", "step"]

Step = Literal["none", "fire", "clear"]

_GIVEN_UP_US = 24 * 3_600_000_000


@dataclass(frozen=True, slots=True)
class Standing:
    """`alert_id` of the open alert, if there is one; `row` readings in a row spoke for a change; `read_us` is when the
    last one could be made."""

    alert_id: str | None = None
    row: int = 0
    read_us: int = 0

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing to remember."""
        return self.alert_id is None and self.row == 0


def step(before: Standing, reading: Reading | None, rule: Rule, now_us: int) -> tuple[Standing, Step]:
    """The standing after this reading, and what is to be done. After `fire` the caller sets `alert_id`."""
    firing = before.alert_id is not None
    if reading is None:
        if firing and now_us - before.read_us > _GIVEN_UP_US:
            return Standing(), "clear"
        return replace(before, row=0), "none"
    row = before.row + 1 if (reading.below if firing else reading.passed) else 0
    if row >= rule.evaluations:
        return Standing(read_us=now_us), "clear" if firing else "fire"
    return Standing(before.alert_id, row, now_us), "none"
