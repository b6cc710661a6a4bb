"""Spans one by one over many traces, in pages that join without gap or overlap: what clients read back.

Newest traces first, and within a trace the newest spans. Each page looks into 10,000 traces at most: where it finds too
little in them it has a `next` all the same, from which the search goes on. Knows nothing of the words that clients use.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, FromClause, and_, or_, select, true, tuple_
from sqlalchemy.engine import Connection

from pilothouse.call import Span
from pilothouse.observe.bodies import body_of
from pilothouse.observe.cursors import cursor_of, place_in
from pilothouse.observe.listing import SEARCHED, end_of, plain
from pilothouse.observe.rows import to_span
from pilothouse.storage.database import Store
from pilothouse.storage.span_days import beside
from pilothouse.storage.tables import spans, traces

__all__ = ["Observation", "ObservationPage", "Observations", "Sought"]

_DAY_US = 86_400_000_000
_ALL_SEEN = -1  # in place of a span's start: nothing is left of that trace
_SAME = ("trace_id", "name", "user_id", "session_id", "parent_id", "status")
_Time = Annotated[int, msgspec.Meta(ge=-1, lt=2**62)]
_Cursor = tuple[_Time, str, _Time, str]


@dataclass(frozen=True, slots=True)
class Sought:
    """Which spans; None does not filter. A trace may be a day longer than the time between `since_us` and `until_us`
    (exclusive). `said` and `unsaid` are attributes with their values that a span must have, or must not."""

    trace_id: str | None = None
    name: str | None = None
    user_id: str | None = None
    session_id: str | None = None
    parent_id: str | None = None
    root: bool | None = None
    status: str | None = None
    kinds: Sequence[str] = ()
    environments: Sequence[str] = ()
    since_us: int | None = None
    until_us: int | None = None
    said: Sequence[tuple[str, str]] = ()
    unsaid: Sequence[tuple[str, str]] = ()


class Observation(NamedTuple):
    """A span, and what the trace around it is called."""

    span: Span
    trace_name: str


class ObservationPage(NamedTuple):
    """`next` continues the list, None at its end."""

    found: list[Observation]
    next: str | None


class Observations:
    """The spans of a store. Blocks on the database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def page(
        self, project: str, sought: Sought, limit: int, cursor: str | None = None, *, bodies: bool = False
    ) -> ObservationPage:
        """Up to `limit` of them. Raises InvalidRequest for a `cursor` that no page gave."""
        place: _Cursor | None = None if cursor is None else place_in(cursor, _Cursor, "the list of observations")
        reached, t = _reached(project, sought, place), traces.c
        with self._store.observe.connect() as connection:
            end = end_of(connection, reached, SEARCHED)
            if end is not None:
                reached.append(tuple_(t.start_us, t.trace_id) >= tuple_(*end))
            within, on = _within(connection, reached)
            s = within.c
            order = (t.start_us, t.trace_id, s.start_us, s.id)
            query = (
                select(within, t.name.label("trace_name"), t.start_us.label("trace_start_us"))
                .join_from(traces, within, on).where(*reached, *_conditions(s, sought))
                .order_by(*(column.desc() for column in order)).limit(limit + 1)
            )  # fmt: skip
            if place is not None:
                query = query.where(tuple_(*order) < tuple_(*place))
            rows = connection.execute(query).mappings().all()
            found = []
            for row in rows[:limit]:
                payload = body_of(connection, self._store, project, row["trace_id"], row["id"]) if bodies else None
                found.append(Observation(to_span(row, payload=payload), row["trace_name"]))
            if len(rows) > limit:
                last = rows[limit - 1]
                return ObservationPage(
                    found, cursor_of(last["trace_start_us"], last["trace_id"], last["start_us"], last["id"])
                )
        return ObservationPage(found, None if end is None else cursor_of(*end, _ALL_SEEN, ""))


def _within(connection: Connection, reached: list[ColumnElement[bool]]) -> tuple[FromClause, ColumnElement[bool]]:
    """What the traces are joined with, and on what: their spans. Postgres looks trace by trace, each in the table of
    its day; else it would rather read the tables of all days."""
    s, t = spans.c, traces.c
    of_trace = and_(s.project_id == t.project_id, s.trace_id == t.trace_id, s.day == t.day)
    if connection.dialect.name == "sqlite":
        return spans, of_trace
    return select(spans).where(of_trace, beside(connection, reached)).offset(0).lateral("spans"), true()


def _reached(project: str, sought: Sought, place: _Cursor | None) -> list[ColumnElement[bool]]:
    """The conditions on traces that an index answers."""
    t = traces.c
    where: list[ColumnElement[bool]] = [t.project_id == project]
    if sought.trace_id is not None:
        where.append(t.trace_id == plain(sought.trace_id))
    if place is not None:
        at, bound = tuple_(t.start_us, t.trace_id), tuple_(*place[:2])
        where.append(at < bound if place[2] == _ALL_SEEN else at <= bound)
    if sought.since_us is not None:
        where.append(t.start_us >= sought.since_us - _DAY_US)
    if sought.until_us is not None:
        where.append(t.start_us < sought.until_us + _DAY_US)
    return where


def _conditions(s: Any, sought: Sought) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    for name in _SAME:
        value = getattr(sought, name)
        if value is not None:
            where.append(s[name] == plain(value))
    if sought.root is not None:
        where.append(s.parent_id.is_(None) if sought.root else s.parent_id.is_not(None))
    if sought.kinds:
        where.append(s.kind.in_(sought.kinds))
    if sought.environments:
        named = s.environment.in_(sought.environments)
        where.append(or_(named, s.environment.is_(None)) if "default" in sought.environments else named)
    if sought.since_us is not None:
        where.append(s.start_us >= sought.since_us)
    if sought.until_us is not None:
        where.append(s.start_us < sought.until_us)
    where += [s.attributes.contains(_said(pair), autoescape=True) for pair in sought.said]
    where += [~s.attributes.contains(_said(pair), autoescape=True) for pair in sought.unsaid]
    return where


def _said(pair: tuple[str, str]) -> str:
    """How the attribute is written within its row."""
    return msgspec.json.encode(dict([pair])).decode()[1:-1]
