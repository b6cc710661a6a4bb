"""Scores of traces, spans and sessions: kept by id, and counted in the rollups in the same transaction.

Knows nothing of who judged, nor of HTTP.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.engine import Connection

from pilothouse.ids import now_us
from pilothouse.observe.summaries import judge, known_traces, scores_of
from pilothouse.storage.database import Store, writing
from pilothouse.storage.tables import scores, spans, upsert

__all__ = ["Score", "Scores"]

_CHUNK = 200


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


class Scores:
    """The scores in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, project_id: str, given: Sequence[Score]) -> None:
        """Keep them, in one transaction; of two with the same id the last one stays."""
        latest = {score.id: score for score in given}
        ordered = [latest[identifier] for identifier in sorted(latest)]
        for start in range(0, len(ordered), _CHUNK):
            with writing(self._store.observe) as connection:
                _put(connection, project_id, ordered[start : start + _CHUNK])

    def trace_of(self, project_id: str, request_id: str) -> str | None:
        """The trace of a request to the gateway."""
        query = select(spans.c.trace_id).where(spans.c.project_id == project_id, spans.c.request_id == request_id)
        with self._store.observe.connect() as connection:
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
        judge(connection, key, before.get(key, ()), after.get(key, ()))


def _row(project_id: str, score: Score, now: int) -> dict[str, Any]:
    row = msgspec.structs.asdict(score)
    row["metadata"] = msgspec.json.encode(score.metadata).decode()
    texts = {name: value.replace("\0", "\ufffd") for name, value in row.items() if isinstance(value, str)}
    return {**row, **texts, "project_id": project_id, "at_us": score.at_us or now, "updated_us": now}
