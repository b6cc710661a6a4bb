"""Deletes what is kept of a user or a trace: spans, inputs and outputs and the vectors made of them, traces, scores,
and what a spool holds of them.

A user is anyone whose id stands on a span; the whole of each trace goes in which they took part. From the first moment
nothing more of them is let in that began before (`erasures`). The sums by hour and day stay, but for those of the user.
Under SQLite what was deleted is overwritten in the files. Knows nothing of who asks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Select, delete, func, select
from sqlalchemy.engine import Connection

from pilothouse.ids import now_us
from pilothouse.observe.privacy.erasures import FOREVER_US, TRACE, USER, erase, user_hash
from pilothouse.observe.sums.cells import cut
from pilothouse.observe.sums.summaries import known_traces
from pilothouse.storage.database import Store
from pilothouse.storage.engines import overwriting, settle
from pilothouse.storage.span_days import of_traces
from pilothouse.storage.statements import among
from pilothouse.storage.tables import (
    payloads,
    prompt_calls,
    question_vectors,
    rollups,
    score_rollups,
    scores,
    sheets,
    spans,
    traces,
)

__all__ = ["Erased", "Erasing", "Hook"]

_MOST_TRACES = 200  # of a transaction


class Hook(Protocol):
    """Deletes what else was made of a project's traces; each method says how much that was. Twice does no harm."""

    def forget_traces(self, project: str, traces: Sequence[str]) -> int:
        """What was made of these traces."""

    def forget_user(self, project: str, user: str) -> int:
        """What was made of traces of this user (as `user_hash` names them), also of those that are gone by now."""


@dataclass(slots=True)
class Erased:
    """How much was deleted; `elsewhere` counts what was made of the traces, such as items of datasets."""

    traces: int = 0
    spans: int = 0
    payloads: int = 0
    scores: int = 0
    elsewhere: int = 0


class Erasing:
    """Of a store; `hooks` reach what other rooms made of traces. Blocks on the database, in small transactions."""

    def __init__(self, store: Store, hooks: Sequence[Hook] = (), clock: Callable[[], int] = now_us) -> None:
        self._store = store
        self._hooks = hooks
        self._clock = clock

    def user(self, project: str, user_id: str) -> Erased:
        """Everything of a user. Reads every span of the project once. Twice does no harm."""
        now, erased = self._clock(), Erased()
        with overwriting(self._store.observe) as connection:
            known_traces(connection, [])  # who sums days up waits until this is committed
            erase(connection, project, USER, [user_hash(user_id)], now, now)
            for table in (rollups, score_rollups):
                mine = (table.c.project_id == project, table.c.dimension == "user", table.c.value == cut(user_id))
                connection.execute(delete(table).where(*mine))
            named = sheets.c.project_id == project, sheets.c.dimension == "user"
            connection.execute(delete(sheets).where(*named))
        of_trace = select(traces.c.trace_id).where(traces.c.project_id == project, traces.c.user_id == user_id)
        of_span = select(spans.c.trace_id).distinct().where(spans.c.project_id == project, spans.c.user_id == user_id)
        for query in (of_trace, of_span):
            while chosen := self._some(query.limit(_MOST_TRACES)):
                self._forget(project, chosen, erased)
        erased.elsewhere += sum(hook.forget_user(project, user_hash(user_id)) for hook in self._hooks)
        self._settle()
        return erased

    def traces_of(self, project: str, user_id: str, most: int) -> int:
        """How many traces are the user's own, `most` at the most."""
        mine = select(traces.c.trace_id).where(traces.c.project_id == project, traces.c.user_id == user_id)
        with self._store.observe.connect() as connection:
            return connection.scalar(select(func.count()).select_from(mine.limit(most).subquery())) or 0

    def trace(self, project: str, trace_id: str) -> Erased:
        """One trace, whether or not it is there yet."""
        erased = Erased()
        self._forget(project, [trace_id], erased)
        self._settle()
        return erased

    def _some(self, query: Select[tuple[str]]) -> list[str]:
        with self._store.observe.connect() as connection:
            return [*connection.execute(query).scalars()]

    def _forget(self, project: str, chosen: Sequence[str], erased: Erased) -> None:
        now, keys = self._clock(), [(project, trace) for trace in chosen]
        self._elsewhere(project, chosen, erased)  # first, so that a deletion which was cut off finds its way again
        with overwriting(self._store.observe) as connection:
            known_traces(connection, [])  # who writes spans waits until this is committed
            erase(connection, project, TRACE, chosen, FOREVER_US, now)
            erased.payloads += self._store.payloads.forget(connection, project, chosen)
            of_these = among(connection, (traces.c.project_id, traces.c.trace_id), keys)
            named = connection.execute(select(traces.c.session_id).where(of_these).distinct()).scalars()
            sessions = [session for session in named if session is not None]
            for table in (spans, scores, traces, payloads, question_vectors, prompt_calls):
                these = among(connection, (table.c.project_id, table.c.trace_id), keys)
                if table is spans:
                    these = of_traces(connection, keys)
                gone = connection.execute(delete(table).where(these)).rowcount
                if table in (spans, scores, traces):
                    setattr(erased, table.name, getattr(erased, table.name) + gone)
            erased.scores += _forget_sessions(connection, project, sessions)
        self._elsewhere(project, chosen, erased)  # and what was made of them until now

    def _elsewhere(self, project: str, chosen: Sequence[str], erased: Erased) -> None:
        erased.elsewhere += sum(hook.forget_traces(project, chosen) for hook in self._hooks)

    def _settle(self) -> None:
        self._store.payloads.settle(whole=True)
        settle(self._store.observe)


def _forget_sessions(connection: Connection, project: str, sessions: Sequence[str]) -> int:
    """Delete the scores of those of these sessions of which no trace is left; how many there were."""
    c = scores.c
    left = select(traces.c.trace_id).where(traces.c.project_id == project, traces.c.session_id == c.session_id)
    mine = (c.project_id == project, c.session_id.in_(sessions), c.trace_id.is_(None), ~left.exists())
    return connection.execute(delete(scores).where(*mine)).rowcount if sessions else 0
