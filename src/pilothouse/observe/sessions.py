"""Sessions: the traces that one conversation is made of, summed up. Knows nothing of what is inside a trace.

Sessions come in the order of their newest traces. They are looked for in the newest 10,000 traces from the place of
the page on, as the list of traces is; where that finds too few, `next` goes on from there.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, select, tuple_
from sqlalchemy.engine import Connection

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.errors import InvalidRequest
from pilothouse.observe.listing import end_of, newest_first, place_of, plain
from pilothouse.storage.database import Store
from pilothouse.storage.tables import scores, traces

__all__ = ["Session", "SessionPage", "Sessions"]

SEARCHED = 10_000
_C = traces.c


@dataclass(frozen=True, slots=True)
class Session:
    """A conversation. `turns` are its traces, `users` who took part; `scores` has the mean of each score by its name.

    `cost_nano` sums what is known, None where nothing is; `cost_known` is False where any price is missing.
    """

    id: str
    turns: int
    failed: int
    users: tuple[str, ...]
    start_us: int
    last_us: int
    input_tokens: int
    output_tokens: int
    cost_nano: int | None
    cost_known: bool
    scores: dict[str, float]


@dataclass(frozen=True, slots=True)
class SessionPage:
    """The newest first. `next` continues the list, None at the end."""

    rows: list[Session]
    next: str | None


class Sessions:
    """The sessions of `store`. Every method reads one project and blocks on the database."""

    def __init__(self, store: Store) -> None:
        self._engine = store.observe

    def page(
        self, project: str = DEFAULT_PROJECT, limit: int = 50, before: str | None = None, *,
        user: str | None = None, text: str | None = None,
    ) -> SessionPage:  # fmt: skip
        """Up to `limit` of them; those of a user, those with `text` in their id. Raises InvalidRequest for a `before`
        that no page gave."""
        where: list[ColumnElement[bool]] = [_C.project_id == project, _C.session_id.is_not(None)]
        if before is not None:
            place = place_of(before)
            if place is None:
                raise InvalidRequest(f"'{before[:80]}' is no place in the list of sessions.", param="before")
            where.append(tuple_(_C.start_us, _C.trace_id) < tuple_(*place))
        if user:
            where.append(_C.user_id == plain(user))
        with self._engine.connect() as connection:
            last = end_of(connection, where, SEARCHED)
            query = _last_of_each(where, user, text)
            if last is not None:
                query = query.where(tuple_(_C.start_us, _C.trace_id) >= tuple_(*last))
            found = connection.execute(query.limit(limit + 1)).all()
            sums = self._sums(connection, project, [row.session_id for row in found[:limit]])
        place = found[limit - 1][:2] if len(found) > limit else last
        return SessionPage(
            [sums[row.session_id] for row in found[:limit]], None if place is None else f"{place[0]}-{place[1]}"
        )

    def get(self, session: str, project: str = DEFAULT_PROJECT) -> Session | None:
        """One session, None where no trace names it."""
        with self._engine.connect() as connection:
            return self._sums(connection, project, [plain(session)]).get(plain(session))

    def _sums(self, connection: Connection, project: str, ids: list[str]) -> dict[str, Session]:
        if not ids:
            return {}
        of_these = and_(_C.project_id == project, _C.session_id.in_(ids))
        query = select(
            _C.session_id, func.count().label("turns"), func.count().filter(_C.status == "error").label("failed"),
            func.min(_C.start_us).label("start_us"), func.max(_C.start_us + _C.duration_us).label("last_us"),
            func.sum(_C.input_tokens).label("input_tokens"), func.sum(_C.output_tokens).label("output_tokens"),
            func.sum(_C.cost_nano).label("cost_nano"), func.count().filter(~_C.cost_known).label("unpriced"),
        ).where(of_these).group_by(_C.session_id)  # fmt: skip
        users: defaultdict[str, list[str]] = defaultdict(list)
        judged: defaultdict[str, dict[str, float]] = defaultdict(dict)
        for session, user in connection.execute(select(_C.session_id, _C.user_id).where(of_these).distinct()):
            if user is not None:
                users[session].append(user)
        for session, name, mean in connection.execute(_means(project, ids)):
            judged[session][name] = float(mean)
        return {
            row.session_id: Session(
                row.session_id, row.turns, row.failed, tuple(sorted(users[row.session_id])), row.start_us, row.last_us,
                int(row.input_tokens), int(row.output_tokens), None if row.cost_nano is None else int(row.cost_nano),
                not row.unpriced, judged[row.session_id],
            )
            for row in connection.execute(query)
        }  # fmt: skip


def _last_of_each(where: list[ColumnElement[bool]], user: str | None, text: str | None) -> Select[Any]:
    """The newest trace of each session that has it among these, newest first."""
    later = traces.alias("later")
    same = [
        later.c.project_id == _C.project_id, later.c.session_id == _C.session_id, later.c.start_us >= _C.start_us,
        tuple_(later.c.start_us, later.c.trace_id) > tuple_(_C.start_us, _C.trace_id),
    ]  # fmt: skip
    if user:  # no plain comparison: the index to use is that of sessions
        same.append(func.coalesce(later.c.user_id, "") == plain(user))
    query = select(_C.start_us, _C.trace_id, _C.session_id).where(*where, ~exists().where(*same))
    if text:
        query = query.where(_C.session_id.icontains(plain(text), autoescape=True))
    return newest_first(query)


def _means(project: str, ids: list[str]) -> Select[Any]:
    """The mean of each score over the traces of each session. Scores are sought trace by trace: a plain join may read
    all those of the project."""
    s = scores.c
    wanted = select(_C.trace_id).where(_C.project_id == project, _C.session_id.in_(ids))
    joined = scores.join(traces, and_(_C.project_id == s.project_id, _C.trace_id == s.trace_id))
    query = select(_C.session_id, s.name, func.avg(s.value)).select_from(joined)
    query = query.where(s.project_id == project, s.trace_id.in_(wanted.correlate(None)), s.value.is_not(None))
    return query.group_by(_C.session_id, s.name).order_by(s.name)
