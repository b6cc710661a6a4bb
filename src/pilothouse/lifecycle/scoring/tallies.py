"""What became of the traces of each rule, counted by day, with the newest reason. Knows nothing of evaluators."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import delete, select, update
from sqlalchemy.engine import Connection, Engine

from pilothouse.ids import now_us
from pilothouse.storage.database import writing
from pilothouse.storage.statements import insert_new
from pilothouse.storage.tables import scoring_tallies

__all__ = ["OUTCOMES", "Outcome", "Tallies", "Tally"]

Outcome = Literal["scored", "failed", "skipped", "over_budget", "stopped", "dropped"]
OUTCOMES: Sequence[Outcome] = ("scored", "failed", "skipped", "over_budget", "stopped", "dropped")
"""A verdict became a score; it could not be told; there was nothing to tell it from; the day's budget had no room; the
rule was held up; the trace waited for too long."""

_DAY_US = 86_400_000_000
_KEPT_DAYS = 90
_LONGEST = 500
_C = scoring_tallies.c


@dataclass(frozen=True, slots=True)
class Tally:
    """So often, on a day. `evaluator` is empty where it is about the trace; `note` is the newest reason."""

    project_id: str
    rule: str
    day: int
    evaluator: str
    outcome: Outcome
    count: int
    note: str
    noted_us: int


class Tallies:
    """Blocks on the database of spans. `seen` hears of each that is added: rule, evaluator, outcome."""

    def __init__(
        self, engine: Engine, clock: Callable[[], int] = now_us,
        seen: Callable[[str, str, str], None] = lambda rule, evaluator, outcome: None,
    ) -> None:  # fmt: skip
        self._engine = engine
        self._clock = clock
        self._seen = seen

    def add(self, project: str, rule: str, evaluator: str, outcome: Outcome, note: str = "") -> None:
        """Count one more of today."""
        self._seen(rule, evaluator, outcome)
        with writing(self._engine) as connection:
            self._add(connection, project, rule, evaluator, outcome, note)

    def since(self, days: int, project: str | None = None) -> list[Tally]:
        """Those of the last `days`, today included, of all projects unless one is named."""
        where = [_C.day > self._clock() // _DAY_US - days]
        if project is not None:
            where.append(_C.project_id == project)
        with self._engine.connect() as connection:
            return [Tally(*row) for row in connection.execute(select(scoring_tallies).where(*where))]

    def forget(self) -> None:
        """Delete those of long ago."""
        with writing(self._engine) as connection:
            connection.execute(delete(scoring_tallies).where(_C.day < self._clock() // _DAY_US - _KEPT_DAYS))

    def _add(
        self, connection: Connection, project: str, rule: str, evaluator: str, outcome: Outcome, note: str
    ) -> None:
        now = self._clock()
        row = {
            "project_id": project, "rule": rule, "day": now // _DAY_US, "evaluator": evaluator, "outcome": outcome,
            "count": 0, "note": "", "noted_us": now,
        }  # fmt: skip
        connection.execute(insert_new(connection, scoring_tallies), row)
        here = [_C[name] == row[name] for name in ("project_id", "rule", "day", "evaluator", "outcome")]
        told = {"note": note.replace("\0", "\ufffd")[:_LONGEST]} if note else {}
        connection.execute(update(scoring_tallies).where(*here).values(count=_C.count + 1, noted_us=now, **told))
