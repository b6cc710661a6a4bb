"""What guards found in calls, the newest first, and what people say of it: whether a trigger was right.

A mark is a score of the guard's span with the guard's name, so that it is kept, shown and summed up as every score is.
Knows nothing of guards.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec
from sqlalchemy import RowMapping, literal_column, select
from sqlalchemy.engine import Connection

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.errors import NotFound
from pilothouse.ids import now_us
from pilothouse.observe.scores import Score, Scores
from pilothouse.storage.database import Store
from pilothouse.storage.span_days import of_traces
from pilothouse.storage.tables import scores, spans

__all__ = ["SOURCE", "Marked", "Trigger", "Triggers", "mark_name"]

SOURCE = "guard"
"""The source of scores that mark a trigger."""
_MOST_MARKS = 100_000
_CHUNK = 500
_STATUS = '%"guard_status":"triggered"%'


@dataclass(frozen=True, slots=True)
class Trigger:
    """A guard that triggered. `version` is the policy's, such as `standard@3f2a9c01`; `right` what a person said of it,
    None where nobody did."""

    trace_id: str
    span_id: str
    at_us: int
    guard: str
    version: str
    stage: str
    action: str
    score: float | None
    reason: str
    kinds: tuple[str, ...]
    right: bool | None = None


@dataclass(frozen=True, slots=True)
class Marked:
    """The score that a guard gave, and whether it was right to trigger."""

    score: float | None
    right: bool


def mark_name(guard: str) -> str:
    """The name of the scores that mark this guard's triggers: 1 for a right one, 0 for a wrong one."""
    return f"guard {guard}"


class Triggers:
    """Those in a store; `scores` writes what people say. Blocks on the database."""

    def __init__(self, store: Store, scores: Scores | None = None) -> None:
        self._store = store
        self._scores = scores or Scores(store)

    def recent(
        self, project: str = DEFAULT_PROJECT, *, limit: int = 50, before_us: int | None = None, guard: str | None = None
    ) -> list[Trigger]:
        """Up to `limit`, the newest first, those before a time, of one guard or of all."""
        c = spans.c
        where = [c.project_id == project, c.kind == literal_column("'guard'"), c.attributes.like(_STATUS)]
        if before_us is not None:
            where.append(c.start_us < before_us)
        if guard is not None:
            where.append(c.name == mark_name(guard.replace("\0", "\ufffd")))
        query = select(c.trace_id, c.id, c.start_us, c.attributes).where(*where)
        query = query.order_by(c.start_us.desc()).limit(limit)
        with self._store.observe.connect() as connection:
            found = [_trigger(row) for row in connection.execute(query).mappings()]
            told = _right(connection, project, found)
        return [replace(one, right=told.get((one.trace_id, one.span_id))) for one in found]

    def mark(
        self, project: str, trace_id: str, span_id: str, right: bool, *, author: str | None = None, comment: str = ""
    ) -> Trigger:
        """Note whether a trigger was right; said again, the last word holds. Raises NotFound where there is none."""
        found = self._one(project, trace_id, span_id)
        self._scores.put(
            project,
            [
                Score(
                    id=f"guard-{trace_id}-{span_id}", name=mark_name(found.guard), trace_id=trace_id, span_id=span_id,
                    kind="boolean", value=float(right), comment=comment or None, source=SOURCE, author=author,
                    metadata={} if found.score is None else {"score": found.score}, at_us=now_us(),
                )
            ],
        )  # fmt: skip
        return replace(found, right=right)

    def marked(self, project: str, guard: str) -> Iterator[Marked]:
        """What people said of this guard's triggers, the newest first: at most 100,000. It holds the guard's score as
        it was then, so that it outlives the span."""
        c = scores.c
        query = select(c.value, c.metadata).where(
            c.project_id == project, c.name == mark_name(guard), c.source == literal_column(f"'{SOURCE}'")
        )
        with self._store.observe.connect() as connection:
            rows = connection.execute(query.order_by(c.at_us.desc()).limit(_MOST_MARKS)).all()
        for value, metadata in rows:
            score = msgspec.json.decode(metadata).get("score")
            yield Marked(float(score) if isinstance(score, int | float) else None, value == 1)

    def _one(self, project: str, trace_id: str, span_id: str) -> Trigger:
        c = spans.c
        with self._store.observe.connect() as connection:
            mine = of_traces(connection, [(project, trace_id.replace("\0", "\ufffd"))])
            query = select(c.trace_id, c.id, c.start_us, c.attributes).where(
                mine, c.id == span_id.replace("\0", "\ufffd"), c.kind == "guard", c.attributes.like(_STATUS)
            )
            row = connection.execute(query).mappings().first()
        if row is None:
            raise NotFound("There is no trigger of a guard with these ids.")
        return _trigger(row)


def _trigger(row: RowMapping) -> Trigger:
    said = msgspec.json.decode(row["attributes"])
    score = said.get("guard_score")
    return Trigger(
        row["trace_id"], row["id"], row["start_us"], str(said.get("guard", "")), str(said.get("guard_version", "")),
        str(said.get("guard_stage", "")), str(said.get("guard_action", "")),
        float(score) if isinstance(score, int | float) else None, str(said.get("guard_reason", "")),
        tuple(map(str, said.get("guard_kinds") or ())),
    )  # fmt: skip


def _right(connection: Connection, project: str, found: Sequence[Trigger]) -> dict[tuple[str, str], bool]:
    """What was said of them, by trace and span."""
    c, told = scores.c, dict[tuple[str, str], bool]()
    ids = [f"guard-{one.trace_id}-{one.span_id}" for one in found]
    for start in range(0, len(ids), _CHUNK):
        query = select(c.trace_id, c.span_id, c.value).where(
            c.project_id == project, c.id.in_(ids[start : start + _CHUNK])
        )
        told |= {(trace, span): value == 1 for trace, span, value in connection.execute(query)}
    return told
