"""Reads traces from the database: a page of them, or one whole. Knows nothing of how they got there."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, tuple_
from sqlalchemy.engine import Connection

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.observe.rows import to_span
from pilothouse.observe.trace import Step, Totals, Trace, question
from pilothouse.storage.database import Store
from pilothouse.storage.payloads import unpack
from pilothouse.storage.tables import manifests, payloads, spans
from pilothouse.types import Json

__all__ = ["Filters", "Page", "TraceRow", "Traces"]

MOST_ROWS = 500
MOST_SPANS = 2000
LARGEST_PREVIEWED = 64 * 1024
_REFERENCE = re.compile(r"[0-9A-Za-z_-]{1,64}")
_CURSOR = re.compile(r"(\d{1,18})-([0-9A-Za-z_-]{1,64})")
_LAST = "z" * 64  # sorts behind whatever may follow in an id
_DAMAGED = {"input": "(the stored payload is damaged)"}


@dataclass(frozen=True, slots=True)
class Filters:
    """Which traces to list; None does not filter. `model` may have been used anywhere in the trace.

    `text` is looked for in names, models, errors, users, sessions and ids; `since_us` is UTC microseconds.
    """

    model: str | None = None
    status: str | None = None
    text: str | None = None
    since_us: int | None = None


@dataclass(frozen=True, slots=True)
class TraceRow:
    """A trace in a list: its first root span, and the totals of all of its spans.

    `preview` is the beginning of what was asked, where that was wanted and kept.
    """

    trace_id: str
    name: str
    kind: str
    start_us: int
    duration_us: int
    status: str
    error_code: str | None
    error_message: str | None
    endpoint: str | None
    request_model: str | None
    deployment: str | None
    ttft_us: int | None
    session_id: str | None
    user_id: str | None
    totals: Totals
    preview: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Newest first. `next` continues the list: hand it back as `before`. None at the end."""

    rows: list[TraceRow]
    next: str | None


class Traces:
    """The traces of `store`. Every method reads one project and blocks on the database."""

    def __init__(self, store: Store) -> None:
        self._engine = store.observe

    def list(
        self,
        project: str = DEFAULT_PROJECT,
        limit: int = 50,
        before: str | None = None,
        filters: Filters = Filters(),
        *,
        preview: bool = False,
    ) -> Page:
        """Up to `limit` (500 at most) traces. Raises InvalidRequest for a `before` that no page gave."""
        limit = max(1, min(MOST_ROWS, limit))
        query = select(spans.c.id, *_ROOT).where(*_is_first_root(project), *_conditions(filters))
        if before is not None:
            query = query.where(tuple_(spans.c.start_us, spans.c.trace_id) < tuple_(*_parse(before)))
        query = query.order_by(spans.c.start_us.desc(), spans.c.trace_id.desc()).limit(limit + 1)
        with self._engine.connect() as connection:
            roots = connection.execute(query).mappings().all()
            shown = roots[:limit]
            totals = _totals(connection, project, [root["trace_id"] for root in shown])
            asked = _previews(connection, project, {root["trace_id"]: root["id"] for root in shown}) if preview else {}
        rows = [
            TraceRow(
                **{column.name: root[column.name] for column in _ROOT},
                totals=totals[root["trace_id"]],
                preview=asked.get(root["trace_id"]),
            )
            for root in shown
        ]
        return Page(rows, f"{rows[-1].start_us}-{rows[-1].trace_id}" if len(roots) > limit else None)

    def find(self, reference: str, project: str = DEFAULT_PROJECT) -> str:
        """The trace id meant by a whole id, a beginning of one that fits no other, or `last`. Raises NotFound."""
        if reference == "last":
            page = self.list(project, limit=1)
            if not page.rows:
                raise NotFound("There are no traces yet.")
            return page.rows[0].trace_id
        if not _REFERENCE.fullmatch(reference):
            raise NotFound(f"'{reference[:64]}' is not a trace id.")
        query = (
            select(spans.c.trace_id).distinct().order_by(spans.c.trace_id).limit(3)
            .where(spans.c.project_id == project, spans.c.trace_id.between(reference, reference + _LAST))
        )  # fmt: skip
        with self._engine.connect() as connection:
            found = [str(trace_id) for trace_id in connection.execute(query).scalars()]
        if not found:
            raise NotFound(f"There is no trace '{reference}'.")
        if len(found) > 1 and reference not in found:
            raise InvalidRequest(f"More than one trace begins with '{reference}': {', '.join(found[:2])}, ...")
        return reference if reference in found else found[0]

    def get(self, trace_id: str, project: str = DEFAULT_PROJECT, *, payload: bool = True) -> Trace:
        """A whole trace (2,000 spans at most), with inputs and outputs unless told otherwise. Raises NotFound."""
        if not _REFERENCE.fullmatch(trace_id):
            raise NotFound(f"'{trace_id[:64]}' is not a trace id.")
        query = select(spans).where(*_of_trace(spans, project, trace_id))
        query = query.order_by(spans.c.start_us, spans.c.id).limit(MOST_SPANS + 1)
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
            if not rows:
                raise NotFound(f"There is no trace '{trace_id}'.")
            versions = _versions(connection, project, {row["manifest_id"] for row in rows})
            bodies = _bodies(connection, project, trace_id) if payload else {}
        made = [to_span(row, versions.get(row["manifest_id"]), bodies.get(row["id"])) for row in rows[:MOST_SPANS]]
        return Trace(trace_id, project, made, truncated=len(rows) > MOST_SPANS)

    def payload(self, trace_id: str, span_id: str, project: str = DEFAULT_PROJECT) -> Json:
        """`{"input": ..., "output": ...}` of one span, empty where nothing was kept. Raises NotFound for bad ids."""
        if not (_REFERENCE.fullmatch(trace_id) and _REFERENCE.fullmatch(span_id)):
            raise NotFound("That is not the id of a span.")
        where = (*_of_trace(payloads, project, trace_id), payloads.c.span_id == span_id)
        with self._engine.connect() as connection:
            body = connection.execute(select(payloads.c.body).where(*where)).scalar()
        return {} if body is None else _unpacked(body)


_ROOT = [spans.c[name] for name in TraceRow.__dataclass_fields__ if name in spans.c]
_SEARCHED = [
    spans.c[name] for name in ("name", "request_model", "error_message", "user_id", "session_id", "request_id")
]


def _is_first_root(project: str) -> Sequence[ColumnElement[bool]]:
    """Of several roots of one trace (calls that shared a trace id) only the first stands for it."""
    other = spans.alias()
    earlier = exists().where(
        other.c.project_id == project,
        other.c.trace_id == spans.c.trace_id,
        other.c.parent_id.is_(None),
        # "+ 0" keeps SQLite from walking its index of all earlier roots instead of the few spans of this trace.
        tuple_(other.c.start_us + 0, other.c.id) < tuple_(spans.c.start_us, spans.c.id),
    )
    return spans.c.project_id == project, spans.c.parent_id.is_(None), ~earlier


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.status:
        conditions.append(spans.c.status == _plain(filters.status))
    if filters.since_us is not None:
        conditions.append(spans.c.start_us >= filters.since_us)
    if filters.model:
        used, model = spans.alias(), _plain(filters.model)
        named = or_(used.c.request_model == model, used.c.response_model == model, used.c.deployment == model)
        same = and_(used.c.project_id == spans.c.project_id, used.c.trace_id == spans.c.trace_id)
        conditions.append(exists().where(same, named))
    if filters.text:
        text = _plain(filters.text)
        found = [column.icontains(text, autoescape=True) for column in _SEARCHED]
        conditions.append(or_(*found, spans.c.trace_id.startswith(text, autoescape=True)))
    return conditions


def _plain(text: str) -> str:
    """Without the NUL characters that Postgres takes for an error."""
    return text.replace("\0", "\ufffd")


def _parse(cursor: str) -> tuple[int, str]:
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise InvalidRequest(f"'{cursor[:80]}' is no place in the list of traces.", param="before")
    return int(match[1]), match[2]


def _of_trace(table: Any, project: str, trace_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return table.c.project_id == project, table.c.trace_id == trace_id


def _totals(connection: Connection, project: str, trace_ids: list[str]) -> dict[str, Totals]:
    c = spans.c
    query: Select[Any] = select(
        c.trace_id,
        c.id,
        c.parent_id,
        c.status,
        c.input_tokens,
        c.output_tokens,
        c.cost_nano,
        c.cost_known,
        c.deployment.is_not(None),
    ).where(c.project_id == project, c.trace_id.in_(trace_ids))
    steps: dict[str, list[Step]] = {trace_id: [] for trace_id in trace_ids}
    for trace_id, span_id, parent_id, status, taken, given, cost, known, called in connection.execute(query):
        billed = taken is not None or cost is not None or not known
        failed = status == "error"
        step = Step(span_id, parent_id, failed, billed, taken or 0, given or 0, cost, bool(known), bool(called))
        steps[trace_id].append(step)
    return {trace_id: Totals.of(found) for trace_id, found in steps.items()}


def _versions(connection: Connection, project: str, ids: set[str | None]) -> dict[str | None, dict[str, str]]:
    query = select(manifests.c.id, manifests.c.versions).where(
        manifests.c.project_id == project, manifests.c.id.in_([i for i in ids if i])
    )
    return {row.id: msgspec.json.decode(row.versions) for row in connection.execute(query)}


def _bodies(connection: Connection, project: str, trace_id: str) -> dict[str, Json]:
    query = select(payloads.c.span_id, payloads.c.body).where(*_of_trace(payloads, project, trace_id))
    return {row.span_id: _unpacked(row.body) for row in connection.execute(query)}


def _previews(connection: Connection, project: str, roots: dict[str, str]) -> dict[str, str]:
    """The beginning of what each root was asked, by trace; bodies that are large even when packed are left out."""
    c = payloads.c
    query = select(c.trace_id, c.span_id, c.body).where(
        c.project_id == project, c.trace_id.in_(roots), c.span_id.in_(roots.values())
    )
    query = query.where(func.length(c.body) <= LARGEST_PREVIEWED)
    bodies = {
        row.trace_id: _unpacked(row.body) for row in connection.execute(query) if roots[row.trace_id] == row.span_id
    }
    return {trace_id: asked for trace_id, body in bodies.items() if (asked := question(body.get("input")))}


def _unpacked(body: bytes) -> Json:
    try:
        unpacked = unpack(body)
    except ValueError:
        return _DAMAGED
    return unpacked if isinstance(unpacked, dict) else {"input": unpacked}
