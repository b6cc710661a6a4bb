"""Which traces of a day are looked at for what they were asked, and what that was.

A day's sample is those of its traces whose ids have the smallest hashes: every trace has the same chance, whenever it
came, and the sample of a whole day is the one that grew while the day went on. Knows nothing of what is done with it.
"""

import heapq
from collections.abc import Iterable
from hashlib import blake2b

from sqlalchemy import func, select

from pilothouse.observe.bodies import previews
from pilothouse.storage.database import Store
from pilothouse.storage.span_days import of_traces
from pilothouse.storage.statements import among
from pilothouse.storage.tables import spans, traces

__all__ = ["Sample", "rank"]

_ROWS = 10_000


def rank(trace: str) -> bytes:
    """A trace's place in the sample: the smallest come first."""
    return blake2b(trace.encode(), digest_size=8).digest()


class Sample:
    """Of a store. Blocks on the database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def first(self, project: str, since_us: int, until_us: int, most: int) -> list[str]:
        """Of the traces that began from `since_us` on and before `until_us`, up to `most`, by rank. Reads an index."""
        c = traces.c
        query = select(c.trace_id).where(c.project_id == project, c.start_us >= since_us, c.start_us < until_us)
        with self._store.observe.connect() as connection:
            found = connection.execution_options(yield_per=_ROWS).execute(query).scalars()
            return heapq.nsmallest(most, found, key=rank)

    def count(self, project: str, since_us: int, until_us: int) -> int:
        """How many traces began in that time."""
        c = traces.c
        query = select(func.count()).select_from(traces).where(c.project_id == project)
        with self._store.observe.connect() as connection:
            return connection.scalar(query.where(c.start_us >= since_us, c.start_us < until_us)) or 0

    def asked(self, project: str, chosen: Iterable[str]) -> dict[str, tuple[int, str]]:
        """When each trace began, and the beginning of what it was asked: what its root was, else its first call of a
        model. Traces without a question that can be read are left out."""
        c, s = traces.c, spans.c
        with self._store.observe.connect() as connection:
            these = among(connection, (c.project_id, c.trace_id), [(project, trace) for trace in chosen])
            rows = connection.execute(select(c.trace_id, c.root_id, c.start_us).where(these)).all()
            began = {row.trace_id: row.start_us for row in rows}
            found = previews(connection, self._store, project, {row.trace_id: row.root_id for row in rows})
            if mute := [(project, trace) for trace in began if trace not in found]:
                calls = (
                    select(s.trace_id, s.id)
                    .where(of_traces(connection, mute), s.kind == "llm")
                    .order_by(s.start_us.desc())
                )
                firsts = {row.trace_id: row.id for row in connection.execute(calls)}  # the earliest is the last to stay
                found |= previews(connection, self._store, project, firsts)
        return {trace: (began[trace], text) for trace, text in found.items()}
