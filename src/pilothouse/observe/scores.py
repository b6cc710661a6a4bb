"""Scores of traces, spans and sessions: kept by id, and counted in the rollups in the same transaction.

Knows nothing of who judged, nor of HTTP.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import RowMapping, select, tuple_
from sqlalchemy.engine import Connection

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.ids import now_us
from pilothouse.observe.privacy.discretion import tame
from pilothouse.observe.sums.summaries import judge, known_traces, scores_of
from pilothouse.storage.database import Store, writing
from pilothouse.storage.payload_days import day_of
from pilothouse.storage.tables import scores, spans, upsert

__all__ = ["LARGEST", "LATEST_US", "Score", "Scores", "ScoresSought", "Written"]

LARGEST = float(2**53)
"""Of a score's value, either side of zero: sums of them stay finite."""
LATEST_US = 2**53
"""Before which a score must be given, in UTC microseconds: the year 2255."""
_CHUNK = 200
_MOST_OF_SESSION = 200


class Score(msgspec.Struct, kw_only=True):
    """One judgement. `kind` is numeric, boolean (value 1 or 0) or categorical (a `label`); `source` says where it came
    from: sdk, feedback, api, langfuse, evaluator. The same `id` again replaces it."""

    id: str
    name: str
    trace_id: str | None = None
    span_id: str | None = None
    session_id: str | None = None
    kind: str = "numeric"
    value: float | None = None
    label: str | None = None
    comment: str | None = None
    source: str = "api"
    author: str | None = None
    metadata: dict[str, Any] = {}
    at_us: int = 0


@dataclass(frozen=True, slots=True)
class ScoresSought:
    """Which scores; None does not filter. `least` and `most` bound the value; `until_us` is exclusive."""

    id: Sequence[str] | None = None
    name: Sequence[str] | None = None
    kind: Sequence[str] | None = None
    trace_id: Sequence[str] | None = None
    span_id: Sequence[str] | None = None
    session_id: Sequence[str] | None = None
    source: Sequence[str] | None = None
    label: Sequence[str] | None = None
    value: Sequence[float] | None = None
    least: float | None = None
    most: float | None = None
    since_us: int | None = None
    until_us: int | None = None


Written = Callable[[Connection, str, Sequence[Score]], None]
"""Told of a project's scores within the transaction that writes them."""


class Scores:
    """The scores in a store. `written` is told of those that are put."""

    def __init__(self, store: Store, written: Written | None = None) -> None:
        self._store = store
        self._written = written

    def put(self, project_id: str, given: Sequence[Score]) -> None:
        """Keep them, in one transaction; of two with the same id the last one stays."""
        latest = {score.id: score for score in given}
        ordered = [latest[identifier] for identifier in sorted(latest)]
        for start in range(0, len(ordered), _CHUNK):
            with writing(self._store.observe) as connection:
                part = ordered[start : start + _CHUNK]
                _put(connection, project_id, part)
                if self._written is not None:
                    self._written(connection, project_id, part)

    def page(
        self, project_id: str, sought: ScoresSought, limit: int, before: tuple[int, str] | None = None
    ) -> list[tuple[Score, int]]:
        """Up to `limit` scores, the newest first, each with the time of its last change; those after the one `before`
        (its time and id)."""
        c = scores.c
        where = [c.project_id == project_id]
        for name in ("id", "name", "kind", "trace_id", "span_id", "session_id", "source", "label"):
            if (wanted := getattr(sought, name)) is not None:
                where.append(c[name].in_([text.replace("\0", "\ufffd") for text in wanted]))
        if sought.value is not None:
            where.append(c.value.in_(sought.value))
        for bound, column in ((sought.least, c.value), (sought.since_us, c.at_us)):
            if bound is not None:
                where.append(column >= bound)
        if sought.most is not None:
            where.append(c.value <= sought.most)
        if sought.until_us is not None:
            where.append(c.at_us < sought.until_us)
        if before is not None:
            where.append(tuple_(c.at_us, c.id) < tuple_(*before))
        query = select(scores).where(*where).order_by(c.at_us.desc(), c.id.desc()).limit(limit)
        with self._store.observe.connect() as connection:
            return [(_from_row(row), row["updated_us"]) for row in connection.execute(query).mappings()]

    def of_session(self, session_id: str, project_id: str = DEFAULT_PROJECT) -> list[Score]:
        """The scores of a session itself, not of its traces, the newest first, 200 at most."""
        c = scores.c
        query = select(scores).where(c.project_id == project_id, c.session_id == session_id.replace("\0", "\ufffd"))
        query = query.where(c.trace_id.is_(None)).order_by(c.at_us.desc(), c.id.desc()).limit(_MOST_OF_SESSION)
        with self._store.observe.connect() as connection:
            return [_from_row(row) for row in connection.execute(query).mappings()]

    def trace_of(self, project_id: str, request_id: str) -> str | None:
        """The trace of a request to the gateway."""
        c = spans.c  # the index of requests holds roots alone
        query = select(c.trace_id).where(
            c.project_id == project_id, c.request_id == request_id.replace("\0", "\ufffd"), c.parent_id.is_(None)
        )
        with self._store.observe.connect() as connection:
            if connection.dialect.name != "sqlite":  # mostly of now: the tables of other days are asked only if need be
                found: str | None = connection.execute(query.where(c.day >= day_of(now_us()) - 1).limit(1)).scalar()
                if found is not None:
                    return found
            return connection.execute(query.limit(1)).scalar()


def _put(connection: Connection, project_id: str, given: Sequence[Score]) -> None:
    mine = scores.c.project_id == project_id
    ids = [score.id for score in given]
    moved = connection.execute(select(scores.c.trace_id).where(mine, scores.c.id.in_(ids))).scalars()
    keys = {(project_id, trace) for trace in (*moved, *(score.trace_id for score in given)) if trace is not None}
    known = known_traces(connection, keys)  # takes the lock that makes before and after comparable
    before = scores_of(connection, keys)
    now = now_us()
    rows = [_row(project_id, score, now) for score in given]
    connection.execute(upsert(connection, scores), rows)
    after = scores_of(connection, keys)
    for key in sorted(known):
        judge(connection, key, known[key], before.get(key, ()), after.get(key, ()))


def _from_row(row: RowMapping) -> Score:
    fields = {name: row[name] for name in Score.__struct_fields__ if name != "metadata"}
    return Score(**fields, metadata=msgspec.json.decode(row["metadata"]))


def _row(project_id: str, score: Score, now: int) -> dict[str, Any]:
    row = msgspec.structs.asdict(score)
    row["metadata"] = msgspec.json.encode(tame(score.metadata)).decode()
    texts = {name: value.replace("\0", "\ufffd") for name, value in row.items() if isinstance(value, str)}
    return {**row, **texts, "project_id": project_id, "at_us": score.at_us or now, "updated_us": now}
