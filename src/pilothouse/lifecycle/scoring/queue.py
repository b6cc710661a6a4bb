"""The traces that wait to be scored: queued in the transaction that writes their spans, so that a restart loses none.

A span that comes late puts its trace off until the trace is quiet, within bounds. What is done stays for two days, so
that later spans do not bring it back. Knows nothing of how traces are judged.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.engine import Connection, Engine

from pilothouse.ids import now_us
from pilothouse.lifecycle.scoring.sampling import Row, sampled
from pilothouse.scoring import OnlineRule
from pilothouse.storage.database import writing
from pilothouse.storage.statements import marks
from pilothouse.storage.tables import scoring_queue

__all__ = ["Queue", "Waiting"]

_LONGEST_US = 900_000_000
"""How long a trace that never is quiet is put off."""
_KEPT_US = 2 * 86_400_000_000
_AT_ONCE = 1000
_C = scoring_queue.c


@dataclass(frozen=True, slots=True)
class Waiting:
    """A trace that is due."""

    project_id: str
    rule: str
    trace_id: str
    first_us: int
    tries: int


class Queue:
    """`rules` gives those that are on. Blocks on the database of spans."""

    def __init__(
        self, engine: Engine, rules: Callable[[], Mapping[str, OnlineRule]], clock: Callable[[], int] = now_us
    ) -> None:
        self._engine = engine
        self._rules = rules
        self._clock = clock

    def put(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Queue the sampled traces of these rows of spans, within the transaction that writes them."""
        rules = self._rules()
        if not rules:
            return
        now = self._clock()
        due = [
            (project, rule, trace, now, now + int(rules[rule].delay * 1e6), 0)
            for project, rule, trace in sorted(sampled(rules, rows))
        ]
        if due:
            connection.exec_driver_sql(_put(connection), due)

    def due(self, rule: str, limit: int) -> list[Waiting]:
        """Those that have waited longest."""
        here = (_C.rule == rule, _C.due_us <= self._clock())
        query = select(_C.project_id, _C.rule, _C.trace_id, _C.first_us, _C.tries).where(*here)
        with self._engine.connect() as connection:
            return [Waiting(*row) for row in connection.execute(query.order_by(_C.due_us).limit(limit))]

    def done(self, one: Waiting) -> None:
        """It needs no more."""
        self._set(one, due_us=None)

    def again(self, one: Waiting, seconds: float, tries: int) -> None:
        """Look at it again later."""
        self._set(one, due_us=self._clock() + int(seconds * 1e6), tries=tries)

    def drop_beyond(self, rule: str, most: int) -> list[Waiting]:
        """Give up the oldest where more than `most` wait: those that were given up."""
        waiting = (_C.rule == rule, _C.due_us.is_not(None))
        columns = _C.project_id, _C.rule, _C.trace_id, _C.first_us, _C.tries
        query = select(*columns).where(*waiting).order_by(_C.due_us.desc()).offset(most).limit(_AT_ONCE)
        with self._engine.connect() as connection:
            over = [Waiting(*row) for row in connection.execute(query)]
        for one in over:
            self.done(one)
        return over

    def waiting(self) -> dict[tuple[str, str], int]:
        """How many wait, by project and rule."""
        query = select(_C.project_id, _C.rule, func.count()).where(_C.due_us.is_not(None))
        with self._engine.connect() as connection:
            found = connection.execute(query.group_by(_C.project_id, _C.rule)).all()
        return {(project, rule): count for project, rule, count in found}

    def forget(self, rules: Sequence[str]) -> None:
        """Delete what was done long ago, and what waits for rules that there are no more; up to 1,000 of each."""
        old = (_C.first_us < self._clock() - _KEPT_US, _C.due_us.is_(None))
        for where in (old, (_C.rule.not_in(list(rules)),)):
            with self._engine.connect() as connection:
                query = select(_C.project_id, _C.rule, _C.trace_id).where(*where).limit(_AT_ONCE)
                gone = connection.execute(query).all()
            if gone:
                with writing(self._engine) as connection:
                    for project, rule, trace in gone:
                        connection.execute(delete(scoring_queue).where(*_is(project, rule, trace)))

    def _set(self, one: Waiting, **values: int | None) -> None:
        with writing(self._engine) as connection:
            here = _is(one.project_id, one.rule, one.trace_id)
            connection.execute(update(scoring_queue).where(*here).values(values))


def _is(project: str, rule: str, trace: str) -> tuple[ColumnElement[bool], ...]:
    return _C.project_id == project, _C.rule == rule, _C.trace_id == trace


def _put(connection: Connection) -> str:
    """One that was looked at, or has been put off for long, stays as it is."""
    names = "project_id, rule, trace_id, first_us, due_us, tries"
    return (
        f"INSERT INTO scoring_queue ({names}) VALUES ({marks(connection, 6)}) ON CONFLICT (project_id, rule, trace_id) "
        "DO UPDATE SET due_us = excluded.due_us WHERE scoring_queue.due_us IS NOT NULL AND scoring_queue.tries = 0 "
        f"AND excluded.due_us < scoring_queue.first_us + {_LONGEST_US}"
    )
