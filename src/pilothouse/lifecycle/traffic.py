"""Recorded model calls, in the order in which they began, a page at a time. Knows nothing of what is done with them.

Pages follow the index of root spans; a call below a root waits in a heap until no later root can begin before it.
"""

import heapq
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.engine import Connection

from pilothouse.call import DEFAULT_PROJECT, Span
from pilothouse.observe.bodies import bodies_at
from pilothouse.observe.rows import to_span
from pilothouse.storage import Store
from pilothouse.storage.span_days import of_traces
from pilothouse.storage.tables import spans

__all__ = ["Traffic"]

_PAGE = 200  # traces
_Waiting = list[tuple[int, str, Span]]


class Traffic:
    """The model calls (spans of kind `llm`) of one project, but for shadow traffic, which no caller asked for, and what
    was passed through to a provider, whose bodies are not kept. Times are UTC microseconds. Blocks on the database."""

    def __init__(self, store: Store, project_id: str = DEFAULT_PROJECT) -> None:
        self._store, self._engine = store, store.observe
        self._project = project_id

    def start_of(self, newest: int, since_us: int, until_us: int) -> int:
        """When the `newest`-th trace before `until_us` began; `since_us` where there are fewer since then."""
        roots = self._roots(since_us, until_us).order_by(spans.c.start_us.desc(), spans.c.trace_id.desc())
        with self._engine.connect() as connection:
            found = connection.execute(roots.limit(1).offset(newest - 1)).first()
        return since_us if found is None else int(found.start_us)

    def calls(self, since_us: int, until_us: int, *, payload: bool = True) -> Iterator[Span]:
        """Every call that began in this time, with its input and output unless told otherwise."""
        waiting: _Waiting = []
        last: tuple[int, str] | None = None
        while True:
            with self._engine.connect() as connection:
                query = self._roots(since_us, until_us).order_by(spans.c.start_us, spans.c.trace_id).limit(_PAGE)
                if last is not None:
                    query = query.where(tuple_(spans.c.start_us, spans.c.trace_id) > tuple_(*last))
                page = connection.execute(query).all()
                if not page:
                    break
                last = (page[-1].start_us, page[-1].trace_id)
                for span in self._of_page(connection, page, since_us, until_us, payload):
                    heapq.heappush(waiting, (span.start_us, span.id, span))
            while waiting and waiting[0][0] <= last[0]:
                yield heapq.heappop(waiting)[2]
        while waiting:
            yield heapq.heappop(waiting)[2]

    def _roots(self, since_us: int, until_us: int) -> Any:
        c = spans.c
        return select(c.start_us, c.trace_id).where(
            c.project_id == self._project, c.parent_id.is_(None), c.start_us >= since_us, c.start_us < until_us
        )

    def _of_page(
        self, connection: Connection, page: Sequence[Any], since_us: int, until_us: int, payload: bool
    ) -> Iterator[Span]:
        """The calls of the traces whose first root of this time is on the page."""
        c = spans.c
        ids = {row.trace_id for row in page}
        roots = self._roots(since_us, until_us).where(of_traces(connection, [(self._project, trace) for trace in ids]))
        first: dict[str, int] = {}
        for row in connection.execute(roots):
            first[row.trace_id] = min(row.start_us, first.get(row.trace_id, row.start_us))
        begin = (page[0].start_us, page[0].trace_id)
        mine = [trace for trace, start in first.items() if (start, trace) >= begin]
        of_mine = of_traces(connection, [(self._project, trace) for trace in mine])
        query = select(spans).where(of_mine, c.kind == "llm", c.start_us >= since_us, c.start_us < until_us)
        rows = [row for row in connection.execute(query).mappings() if _is_a_callers(row)]
        bodies = self._bodies(connection, rows) if payload else {}
        for found in rows:
            yield to_span(found, None, bodies.get((found["trace_id"], found["id"])))

    def _bodies(self, connection: Connection, rows: Sequence[Any]) -> dict[tuple[str, str], Any]:
        """What went in and came out, by trace and span; what cannot be read is left out."""
        places = ((row["trace_id"], row["id"], row["payload_day"]) for row in rows)
        return bodies_at(connection, self._store, self._project, places)


def _is_a_callers(row: Any) -> bool:
    return row["operation"] != "pass_through" and '"shadow":true' not in row["attributes"]
