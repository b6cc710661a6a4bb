"""The list of traces: filtered, in pages that join without gap or overlap. Knows nothing of what is inside a trace.

What an index cannot answer (a text, a model used inside) is looked for in the newest 10,000 traces from the place of
the page on; where that finds too few, the page has a `next` all the same, from which the search goes on. So no search
takes long, however many traces there are. They are read from the newest on, and no further than the page needs.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, or_, select, true, tuple_
from sqlalchemy.engine import Connection

from pilothouse.errors import InvalidRequest
from pilothouse.observe.bodies import previews
from pilothouse.observe.trace import Totals
from pilothouse.storage.database import Store
from pilothouse.storage.span_days import beside
from pilothouse.storage.statements import among
from pilothouse.storage.tables import question_vectors, scores, spans, traces

__all__ = ["Filters", "Page", "TraceRow", "end_of", "newest_first", "page_of", "place_of", "plain"]

MOST_ROWS = 500
SEARCHED = 10_000
_OF_TOPIC = 1000
_CURSOR = re.compile(r"(\d{1,18})-([0-9A-Za-z_-]{1,64})")
_OF_ROOT = ("error_message", "request_model", "deployment", "ttft_us")
_SAME = ("key_id", "team_id", "user_id", "session_id", "feature", "environment", "release", "endpoint", "error_code")


@dataclass(frozen=True, slots=True)
class Filters:
    """Which traces to list; None does not filter. `model` and `prompt` may have been used anywhere in the trace; a
    `prompt` without its version is any of them.

    `topic` is the id of one, or its label: of the traces whose questions are in the sample.

    `text` is looked for in names, models, errors, users, sessions and ids; `since_us` and `until_us` are UTC
    microseconds, the second one exclusive; `slower_us` and `dearer_nano` are what a trace has at least.
    """

    model: str | None = None
    status: str | None = None
    text: str | None = None
    since_us: int | None = None
    until_us: int | None = None
    key_id: str | None = None
    team_id: str | None = None
    user_id: str | None = None
    session_id: str | None = None
    feature: str | None = None
    environment: str | None = None
    release: str | None = None
    endpoint: str | None = None
    error_code: str | None = None
    tag: str | None = None
    slower_us: int | None = None
    dearer_nano: int | None = None
    prompt: str | None = None
    score: str | None = None
    score_least: float | None = None
    score_most: float | None = None
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class TraceRow:
    """A trace in a list: the span that stands for it, and the totals of all of its spans.

    `preview` is the beginning of what was asked, where that was wanted and kept.
    """

    trace_id: str
    root_id: str
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
    feature: str | None
    source: str
    totals: Totals
    preview: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Newest first. `next` continues the list: hand it back as `before`. None at the end."""

    rows: list[TraceRow]
    next: str | None


def page_of(
    connection: Connection, project: str, limit: int, before: str | None, filters: Filters, store: Store | None = None
) -> Page:
    """Up to `limit` (500 at most) traces; with a `store`, and what each was asked.

    Raises InvalidRequest for a `before` that no page gave.
    """
    limit = max(1, min(MOST_ROWS, limit))
    c = traces.c
    if filters.topic:
        reached, last = _of_topic(connection, project, before, filters)
    else:
        reached = _reached(project, before, filters)
        last = end_of(connection, reached, SEARCHED) if _sought(c, filters, true()) else None
    if last is not None:
        reached.append(tuple_(c.start_us, c.trace_id) >= tuple_(*last))
    near = beside(connection, reached) if filters.model or filters.prompt or filters.text else true()
    query = newest_first(select(traces).where(*reached, *_sought(c, filters, near))).limit(limit + 1)
    found = connection.execute(query).mappings().all()
    shown = found[:limit]
    roots = _roots(connection, shown)
    ids = {row["trace_id"]: row["root_id"] for row in shown}
    asked = {} if store is None else previews(connection, store, project, ids)
    rows = [_row(row, roots.get(row["trace_id"]), asked.get(row["trace_id"])) for row in shown]
    if len(found) > limit:
        return Page(rows, f"{rows[-1].start_us}-{rows[-1].trace_id}")
    return Page(rows, None if last is None else f"{last[0]}-{last[1]}")


def newest_first(query: Select[Any]) -> Select[Any]:
    """Traces in the order of the indexes."""
    return query.order_by(traces.c.start_us.desc(), traces.c.trace_id.desc())


def end_of(
    connection: Connection, reached: Sequence[ColumnElement[bool]], searched: int
) -> tuple[int, str] | None:  # fmt: skip
    """The last of the traces that are searched at once, of those that an index reaches; None where they are fewer."""
    query = newest_first(select(traces.c.start_us, traces.c.trace_id).where(*reached))
    row = connection.execute(query.offset(searched - 1).limit(1)).first()
    return None if row is None else (row.start_us, row.trace_id)


def plain(text: str) -> str:
    """Without the NUL characters that Postgres takes for an error."""
    return text.replace("\0", "\ufffd")


def _reached(project: str, before: str | None, filters: Filters) -> list[ColumnElement[bool]]:
    """The conditions that an index answers."""
    c = traces.c
    return [c.project_id == project, *_within(c.start_us, c.trace_id, before, filters), *_named(filters)]


def _within(
    at_us: ColumnElement[int], trace_id: ColumnElement[str], before: str | None, filters: Filters
) -> list[ColumnElement[bool]]:
    """The conditions on when a trace began."""
    where: list[ColumnElement[bool]] = []
    if before is not None:
        where.append(tuple_(at_us, trace_id) < tuple_(*_parse(before)))
    if filters.since_us is not None:
        where.append(at_us >= filters.since_us)
    if filters.until_us is not None:
        where.append(at_us < filters.until_us)
    return where


def _named(filters: Filters) -> list[ColumnElement[bool]]:
    """The conditions on the columns that have an index of their own."""
    given = {name: getattr(filters, name) for name in ("user_id", "session_id")}
    return [traces.c[name] == plain(value) for name, value in given.items() if value]


def _of_topic(
    connection: Connection, project: str, before: str | None, filters: Filters
) -> tuple[list[ColumnElement[bool]], tuple[int, str] | None]:
    """The same for the newest traces of a topic, by the index of the questions, and the last of them where more are."""
    q = question_vectors.c
    where = [q.project_id == project, q.topic == plain(filters.topic or "")]
    where += _within(q.at_us, q.trace_id, before, filters)
    query = select(q.at_us, q.trace_id).where(*where).order_by(q.at_us.desc(), q.trace_id.desc()).limit(_OF_TOPIC)
    found = [(row.at_us, row.trace_id) for row in connection.execute(query)]
    these = among(connection, (traces.c.project_id, traces.c.trace_id), [(project, trace) for _, trace in found])
    return [these, *_named(filters)], found[-1] if len(found) == _OF_TOPIC else None


def _sought(c: Any, filters: Filters, near: ColumnElement[bool]) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for name in (*_SAME, "status"):
        value = getattr(filters, name)
        if value and name not in ("user_id", "session_id"):
            conditions.append(c[name] == plain(value))
    if filters.slower_us is not None:
        conditions.append(c.duration_us >= filters.slower_us)
    if filters.dearer_nano is not None:
        conditions.append(c.cost_nano >= filters.dearer_nano)
    if filters.tag:
        conditions.append(c.tags.contains(f'"{plain(filters.tag)}"', autoescape=True))
    if filters.model:
        named = [spans.c[name] == plain(filters.model) for name in ("request_model", "response_model", "deployment")]
        conditions.append(_has(c, near, or_(*named)))
    if filters.prompt:
        prompt = plain(filters.prompt)
        versions = spans.c.prompt.startswith(f"{prompt}@", autoescape=True)
        conditions.append(_has(c, near, or_(spans.c.prompt == prompt, versions)))
    if filters.score or filters.score_least is not None or filters.score_most is not None:
        conditions.append(_judged(c, filters))
    if filters.text:
        conditions.append(_says(c, plain(filters.text), near))
    return conditions


def _judged(c: Any, filters: Filters) -> ColumnElement[bool]:
    s = scores.c
    where = [s.project_id == c.project_id, s.trace_id == c.trace_id]
    if filters.score:
        where.append(s.name == plain(filters.score))
    if filters.score_least is not None:
        where.append(s.value >= filters.score_least)
    if filters.score_most is not None:
        where.append(s.value <= filters.score_most)
    return exists().where(*where)


def _says(c: Any, text: str, near: ColumnElement[bool]) -> ColumnElement[bool]:
    found = [c[name].icontains(text, autoescape=True) for name in ("name", "error_code", "user_id", "session_id")]
    root = [spans.c[name].icontains(text, autoescape=True) for name in ("request_model", "error_message", "request_id")]
    said = _has(c, near, spans.c.id == c.root_id, or_(*root))
    return or_(*found, c.trace_id.startswith(text, autoescape=True), said)


def _has(c: Any, *where: ColumnElement[bool]) -> ColumnElement[bool]:
    """That a trace has such a span. OFFSET makes Postgres look trace by trace, each in the table of its day: else it
    would rather read the tables of all days."""
    s = spans.c
    of_trace = (s.project_id == c.project_id, s.trace_id == c.trace_id, s.day == c.day)
    return select(s.id).where(*of_trace, *where).offset(0).exists()


def _roots(connection: Connection, shown: Sequence[Any]) -> dict[str, Any]:
    """What a list shows of the span that stands for each trace."""
    c = spans.c
    keys = [(row["project_id"], row["trace_id"], row["root_id"]) for row in shown]
    query = select(c.trace_id, *(c[name] for name in _OF_ROOT)).where(
        among(connection, (c.project_id, c.trace_id, c.id), keys), c.day.in_({row["day"] for row in shown})
    )
    return {row["trace_id"]: row for row in connection.execute(query).mappings()}


def _row(row: Any, root: Any, preview: str | None) -> TraceRow:
    totals = Totals(
        row["spans"], row["errors"], row["input_tokens"], row["output_tokens"], row["cost_nano"], row["cost_known"]
    )
    own: dict[str, Any] = {name: root[name] if root else None for name in _OF_ROOT}
    same: dict[str, Any] = {name: row[name] for name in TraceRow.__dataclass_fields__ if name in row}
    return TraceRow(**same, **own, totals=totals, preview=preview)


def place_of(cursor: str) -> tuple[int, str] | None:
    """The time and the id that a cursor holds, None where it is none."""
    match = _CURSOR.fullmatch(cursor)
    return None if match is None else (int(match[1]), match[2])


def _parse(cursor: str) -> tuple[int, str]:
    place = place_of(cursor)
    if place is None:
        raise InvalidRequest(f"'{cursor[:80]}' is no place in the list of traces.", param="before")
    return place
