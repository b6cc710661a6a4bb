"""Reads traces from the database: a page of them, or one whole. Knows nothing of how they got there."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy import Select, bindparam, select
from sqlalchemy.engine import Connection

from pilothouse.call import DEFAULT_PROJECT, Span
from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.observe.bodies import bodies_of, body_of, roots_of
from pilothouse.observe.items import item_of
from pilothouse.observe.listing import Filters, Page, TraceRow, page_of
from pilothouse.observe.rows import to_span
from pilothouse.observe.scores import Score, Scores, ScoresSought, Written
from pilothouse.observe.sessions import Sessions
from pilothouse.observe.topics.kept import Topics
from pilothouse.observe.trace import Totals, Trace
from pilothouse.storage.database import Store
from pilothouse.storage.span_days import BEFORE, day_of_trace, of_trace
from pilothouse.storage.tables import manifests, spans
from pilothouse.storage.tables import traces as sums
from pilothouse.types import Json

__all__ = ["Filters", "Page", "TraceRow", "Traces"]

MOST_SPANS = 2000
_MOST_SCORES = 2000
_REFERENCE = re.compile(r"[0-9A-Za-z_-]{1,64}")
_ALL = Filters()
_LAST = "z" * 64  # sorts behind whatever may follow in an id
_OF_PROJECT = spans.c.project_id == bindparam("project")
_BEGINNING, _UNSUMMED = (
    select(c.trace_id).distinct().order_by(c.trace_id).limit(3)
    .where(c.project_id == bindparam("project"), c.trace_id.between(bindparam("first"), bindparam("last")), *where)
    for c, where in ((sums.c, ()), (spans.c, (spans.c.day == BEFORE,)))
)  # fmt: skip
_SPANS = (
    select(spans).where(_OF_PROJECT, spans.c.trace_id == bindparam("trace"), spans.c.day == bindparam("day"))
    .order_by(spans.c.start_us, spans.c.id).limit(bindparam("most"))
)  # fmt: skip
_VERSIONS = select(manifests.c.id, manifests.c.versions).where(
    manifests.c.project_id == bindparam("project"), manifests.c.id.in_(bindparam("ids", expanding=True))
)


class Traces:
    """The traces of `store`, with their `scores`, `sessions` and `topics`. Every method reads one project and blocks on
    the database.

    `scored` is told of scores as they are written.
    """

    def __init__(self, store: Store, scored: Written | None = None) -> None:
        self._store, self._engine = store, store.observe
        self.scores = Scores(store, scored)
        self.sessions = Sessions(store)
        self.topics = Topics(store)

    def list(
        self,
        project: str = DEFAULT_PROJECT,
        limit: int = 50,
        before: str | None = None,
        filters: Filters = _ALL,
        *,
        preview: bool = False,
    ) -> Page:
        """Up to `limit` (500 at most) traces. Raises InvalidRequest for a `before` that no page gave."""
        if filters.topic:
            filters = replace(filters, topic=self.topics.find(project, filters.topic))
        with self._engine.connect() as connection:
            return page_of(connection, project, limit, before, filters, self._store if preview else None)

    def find(self, reference: str, project: str = DEFAULT_PROJECT) -> str:
        """The trace id meant by a whole id, a beginning of one that fits no other, or `last`. Raises NotFound."""
        if reference == "last":
            page = self.list(project, limit=1)
            if not page.rows:
                raise NotFound("There are no traces yet.")
            return page.rows[0].trace_id
        if not _REFERENCE.fullmatch(reference):
            raise NotFound(f"'{reference[:64]}' is not a trace id.")
        # A trace that is not summed up yet has no row.
        found = self._begun(_BEGINNING, project, reference) or self._begun(_UNSUMMED, project, reference)
        if not found:
            raise NotFound(f"There is no trace '{reference}'.")
        if len(found) > 1 and reference not in found:
            raise InvalidRequest(f"More than one trace begins with '{reference}': {', '.join(found[:2])}, ...")
        return reference if reference in found else found[0]

    def _begun(self, query: Select[Any], project: str, reference: str) -> Sequence[str]:
        given = {"project": project, "first": reference, "last": reference + _LAST}
        with self._engine.connect() as connection:
            return connection.execute(query, given).scalars().all()

    def get(
        self, trace_id: str, project: str = DEFAULT_PROJECT, *, payload: bool = True, most: int | None = None
    ) -> Trace:
        """A whole trace (the first `most` spans by their start, 2,000 by default), with inputs and outputs unless told
        otherwise. Raises NotFound."""
        most = MOST_SPANS if most is None else most
        if not _REFERENCE.fullmatch(trace_id):
            raise NotFound(f"'{trace_id[:64]}' is not a trace id.")
        with self._engine.connect() as connection:
            day = day_of_trace(connection, project, trace_id)
            given = {"project": project, "trace": trace_id, "day": day, "most": most + 1}
            rows = connection.execute(_SPANS, given).mappings().all()
            if not rows:
                raise NotFound(f"There is no trace '{trace_id}'.")
            versions = _versions(connection, project, {row["manifest_id"] for row in rows})
            came = {row["id"]: row["payload_day"] for row in rows} if payload else {}
            bodies = bodies_of(connection, self._store, project, trace_id, came)
        made = [to_span(row, versions.get(row["manifest_id"]), bodies.get(row["id"])) for row in rows[:most]]
        return Trace(trace_id, project, made, truncated=len(rows) > most)

    def totals(self, trace_id: str, project: str = DEFAULT_PROJECT) -> Totals:
        """What all spans of a trace add up to, however many there are. Raises NotFound."""
        c = sums.c
        columns = c.spans, c.errors, c.input_tokens, c.output_tokens, c.cost_nano, c.cost_known
        with self._engine.connect() as connection:
            row = connection.execute(select(*columns).where(c.project_id == project, c.trace_id == trace_id)).first()
        if row is None:
            raise NotFound(f"There is no trace '{trace_id}'.")
        return Totals(*row)

    def span(self, trace_id: str, span_id: str, project: str = DEFAULT_PROJECT) -> Span:
        """One span, without its payload. Raises NotFound."""
        with self._engine.connect() as connection:
            query = select(spans).where(of_trace(connection, project, trace_id), spans.c.id == span_id)
            row = connection.execute(query).mappings().first() if _REFERENCE.fullmatch(span_id) else None
            if row is None:
                raise NotFound(f"The trace has no span '{span_id[:64]}'.")
            return to_span(row, _versions(connection, project, {row["manifest_id"]}).get(row["manifest_id"]))

    def judgements(self, trace_id: str, project: str = DEFAULT_PROJECT) -> Sequence[Score]:
        """The scores of a trace and of its spans (2,000 at most), the newest first."""
        sought = ScoresSought(trace_id=[trace_id])
        return [score for score, _ in self.scores.page(project, sought, _MOST_SCORES)]

    def root_bodies(self, rows: Sequence[TraceRow], project: str = DEFAULT_PROJECT) -> dict[str, Json]:
        """`{"input": ..., "output": ...}` of the span that stands for each trace, where that is kept and not huge."""
        with self._engine.connect() as connection:
            return roots_of(connection, self._store, project, {row.trace_id: row.root_id for row in rows})

    def item(self, trace_id: str, span_id: str = "", project: str = DEFAULT_PROJECT) -> Json:
        """A step, by default the one that stands for the trace, as an item for a dataset. Raises NotFound."""
        root = self.get(trace_id, project, payload=False).root
        span = self.span(trace_id, span_id, project) if span_id else root
        body = self.payload(trace_id, span.id, project)
        span.input, span.output = body.get("input"), body.get("output")
        places = (span.id, None) if span.id == root.id else (span.id,)
        return item_of(span, [score for score in self.judgements(trace_id, project) if score.span_id in places])

    def payload(self, trace_id: str, span_id: str, project: str = DEFAULT_PROJECT) -> Json:
        """`{"input": ..., "output": ...}` of one span, empty where nothing was kept. Raises NotFound for bad ids."""
        if not (_REFERENCE.fullmatch(trace_id) and _REFERENCE.fullmatch(span_id)):
            raise NotFound("That is not the id of a span.")
        with self._engine.connect() as connection:
            return body_of(connection, self._store, project, trace_id, span_id)


def _versions(connection: Connection, project: str, ids: set[str | None]) -> dict[str | None, dict[str, str]]:
    wanted = [i for i in ids if i]
    rows = connection.execute(_VERSIONS, {"project": project, "ids": wanted}).all() if wanted else ()
    return {row.id: msgspec.json.decode(row.versions) for row in rows}
