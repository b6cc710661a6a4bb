"""Spans of which others tell a part at a time: each part is merged into what is there, and the sums follow.

The spans of everybody else are written once and stay; only those that came in parts can be revised, so that nobody
changes what the gateway recorded. Knows nothing of the form in which the parts come.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, RowMapping, select
from sqlalchemy.engine import Connection

from pilothouse.call import Scalar, Span
from pilothouse.errors import InvalidRequest
from pilothouse.ids import now_us
from pilothouse.observe.arrival.ingest import Written
from pilothouse.observe.bodies import body_of
from pilothouse.observe.facts import Fact
from pilothouse.observe.names import END_BEFORE_START, LANGFUSE_TYPE
from pilothouse.observe.privacy.discretion import tame
from pilothouse.observe.privacy.erasures import forgone
from pilothouse.observe.prompt_calls import COLUMNS as OF_PROMPT_CALLS
from pilothouse.observe.prompt_calls import row_of
from pilothouse.observe.rows import COLUMNS, to_fact, to_row, to_span
from pilothouse.observe.sums.backfill import with_unsummed
from pilothouse.observe.sums.summaries import TraceKey, absorb, known_traces
from pilothouse.storage.database import Store, writing
from pilothouse.storage.payload_days import day_of
from pilothouse.storage.span_days import by_table, in_days
from pilothouse.storage.statements import overwrite
from pilothouse.storage.tables import spans

__all__ = ["Part", "Place", "Revisions"]

SOURCE = "langfuse"
_ABOUT_PRICE = ("usage", "provider", "request_model", "response_model")
_CHUNK = 200
Place = tuple[str, str]
"""trace id, span id"""


@dataclass(slots=True)
class Part:
    """What is told of a span, at `at_us`: `fields` by the names of `call.Span`. Its start is the earliest one told, its
    end the latest; of all else the last one counts. `only_known` says that it makes no new span."""

    trace_id: str
    span_id: str
    fields: dict[str, Any]
    at_us: int
    attributes: dict[str, Scalar] = field(default_factory=dict)
    only_known: bool = False

    @property
    def place(self) -> Place:
        return self.trace_id, self.span_id


class Revisions:
    """The spans of a store that come in parts. `discreet` makes of a span the one that may be written. `written` is
    told of the rows of those that have an end, each time that they change."""

    def __init__(self, store: Store, discreet: Callable[[Span], Span], written: Written | None = None) -> None:
        self._store = store
        self._discreet = discreet
        self._written = written

    def put(self, project: str, parts: Sequence[Part], admit: Callable[[Span], None]) -> dict[Place, str]:
        """Merge them in; once this returns they are in the database. `admit` completes a span, or raises InvalidRequest
        for one that cannot be kept: those are returned, with the reason. Blocks on the database."""
        told: dict[Place, list[Part]] = {}
        for part in parts:
            told.setdefault(part.place, []).append(part)
        places, refused = sorted(told), dict[Place, str]()
        for start in range(0, len(places), _CHUNK):
            some = {place: told[place] for place in places[start : start + _CHUNK]}
            with writing(self._store.observe) as connection:
                self._revise(connection, project, some, admit, refused)
        return refused

    def _revise(
        self, connection: Connection, project: str, told: dict[Place, list[Part]], admit: Callable[[Span], None],
        refused: dict[Place, str],
    ) -> None:  # fmt: skip
        keys = {(project, trace) for trace, _ in told}
        known = known_traces(connection, keys)  # takes the lock that makes before and after comparable
        there = self._there(connection, project, told, in_days(known.values(), len(known) < len(keys)))
        revised: list[Span] = []
        for place, parts in told.items():
            before = there.get(place)
            if before is None and all(part.only_known for part in parts):
                continue
            try:
                span = _merged(before, project, parts)
                admit(span)
            except InvalidRequest as error:
                refused[place] = error.message
                continue
            span.source = SOURCE
            revised.append(self._discreet(span))
        bodies, today = [self._body(span) for span in revised], day_of(now_us())
        rows = [to_row(s, None if body is None else today) for s, body in zip(revised, bodies, strict=True)]
        for i in reversed(forgone(connection, rows)):
            refused[revised[i].trace_id, revised[i].id] = "It was deleted, and what began before that is not taken."
            del revised[i], bodies[i], rows[i]
        facts: dict[TraceKey, list[Fact]] = {key: [] for key in keys}
        for span, row in zip(revised, rows, strict=True):
            facts[project, span.trace_id].append(to_fact(span, row))
        arrived, days = with_unsummed(connection, {key: some for key, some in facts.items() if some}, known, today)
        absorb(connection, arrived, known, days, replacing=True)
        for table, mine in by_table(connection, rows, days):
            overwrite(connection, table, COLUMNS, 3, mine)
        overwrite(connection, "prompt_calls", OF_PROMPT_CALLS, 2, [*filter(None, map(row_of, revised))])
        self._store.payloads.put(connection, today, [body for body in bodies if body is not None], anew=True)
        if self._written is not None:
            self._written(connection, [row for span, row in zip(revised, rows, strict=True) if _has_ended(span)])

    def _there(
        self, connection: Connection, project: str, places: Iterable[Place], where: ColumnElement[bool]
    ) -> dict[Place, Span]:
        wanted = set(places)
        query = select(spans).where(
            spans.c.project_id == project,
            spans.c.trace_id.in_({trace for trace, _ in wanted}),
            spans.c.id.in_({span for _, span in wanted}),
            where,
        )
        rows = [row for row in connection.execute(query).mappings() if (row["trace_id"], row["id"]) in wanted]
        return {(row["trace_id"], row["id"]): self._span(connection, row) for row in rows}

    def _span(self, connection: Connection, row: RowMapping) -> Span:
        body = body_of(connection, self._store, row["project_id"], row["trace_id"], row["id"])
        return to_span(row, payload={name: part for name, part in body.items() if isinstance(part, dict)})

    def _body(self, span: Span) -> tuple[object, ...] | None:
        place = span.project_id, span.trace_id, span.id
        if span.body is not None:
            return *place, span.body
        if span.input is None and span.output is None:
            return None
        return *place, self._store.packer.pack(tame({"input": span.input, "output": span.output}), *place)


def _has_ended(span: Span) -> bool:
    return span.end_us > span.start_us or span.attributes.get(LANGFUSE_TYPE) == "event"


def _merged(before: Span | None, project: str, parts: Sequence[Part]) -> Span:
    if before is not None and before.source != SOURCE:
        raise InvalidRequest(f"The span '{before.id}' was recorded by another source and cannot be changed.")
    first = parts[0]
    if before is None:
        starts = [part.fields["start_us"] for part in parts if "start_us" in part.fields]
        start = min(starts or [part.fields.get("end_us", part.at_us) for part in parts])
        before = Span(
            id=first.span_id, trace_id=first.trace_id, project_id=project, name="", kind="chain", start_us=start
        )
    fields: dict[str, Any] = {}
    attributes = {name: value for name, value in before.attributes.items() if name != END_BEFORE_START}
    for part in parts:
        start = min(fields.get("start_us", before.start_us), part.fields.get("start_us", before.start_us))
        end = max(fields.get("end_us", before.end_us), part.fields.get("end_us", 0))
        fields |= {**part.fields, "start_us": start, "end_us": end}
        attributes |= part.attributes
    fields["end_us"] = fields["end_us"] or fields["start_us"]
    if "cost_nano" not in fields and any(name in fields for name in _ABOUT_PRICE):
        fields["cost_nano"] = None
    return msgspec.structs.replace(before, **fields, attributes=attributes)
