"""What is too old goes: bodies by the day, with the vectors of questions, traces with their spans and scores, rollups.
In steps of a fraction of a second, each a transaction, so that nobody waits for it.

Under Postgres spans go by the day on which their trace arrived, a table at a time, and one by one only where a trace of
that day is kept; the rows of the traces follow. The rollups of a trace that goes stay until their own time. A span that
arrives when its time is over is left out (`erasures`), so that what is summed up of a trace is never taken back from
what was deleted. Knows nothing of when it is asked for.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Table, delete, func, or_, select
from sqlalchemy.engine import Connection

from pilothouse.ids import now_us
from pilothouse.observe.privacy.erasures import AGE, erase, prune
from pilothouse.observe.sums import backfill
from pilothouse.observe.sums.cells import DIMENSIONS
from pilothouse.observe.sums.rollups import GRAINS
from pilothouse.observe.sums.summaries import known_traces
from pilothouse.privacy import RetentionConfig
from pilothouse.storage.database import Store, writing
from pilothouse.storage.evaluating.eval_aging import EvalAging
from pilothouse.storage.payload_days import day_of
from pilothouse.storage.span_days import drop, outlived, there
from pilothouse.storage.statements import among
from pilothouse.storage.tables import (
    drifts,
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

__all__ = ["Gone", "Retention"]

_DAY_US, _HOUR_US = 86_400_000_000, 3_600_000_000
_MOST_SPANS = 2000  # of a step
_MOST_ROWS = 500
_REMEMBERED_US = 400 * _DAY_US  # deletions of users and traces: no spool is older
_MOST_ATTEMPTS = 5  # to drop a table that is read
_FREE_PAGES = 1000
_Q = question_vectors.c


@dataclass(slots=True)
class Gone:
    """How much goes, or went: whole days of bodies with their bytes, and rows. `questions` are vectors of them.
    `outcomes` are counted as they go, not before."""

    days: int = 0
    bytes: int = 0
    bodies: int = 0
    questions: int = 0
    traces: int = 0
    spans: int = 0
    scores: int = 0
    rollups: int = 0
    runs: int = 0
    outcomes: int = 0
    answers: int = 0

    def add(self, other: "Gone") -> None:
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))


class Retention:
    """Of a store. `clock` gives UTC microseconds."""

    def __init__(self, store: Store, clock: Callable[[], int] = now_us) -> None:
        self._store = store
        self._clock = clock
        self._evals = EvalAging(store)

    def plan(self, ages: RetentionConfig) -> Gone:
        """What would go now. Counts rows, which takes a while where there are millions."""
        now, plan = self._clock(), Gone()
        with self._store.observe.connect() as connection:
            if ages.payloads:
                for _, size in self._old_days(connection, now, ages.payloads):
                    plan.add(Gone(days=1, bytes=size))
                plan.bodies = _count(connection, self._old_bodies(now, ages.payloads))
                plan.questions = _count(connection, select(_Q.trace_id).where(_Q.at_us < _began(now, ages.payloads)))
            if ages.spans:
                old = _Past.of(connection, now, ages.spans).condition
                query = select(func.count(), func.coalesce(func.sum(traces.c.spans), 0)).where(old)
                plan.traces, plan.spans = connection.execute(query).one()
                of_them = select(scores.c.id).where(scores.c.trace_id == traces.c.trace_id)
                of_them = of_them.where(scores.c.project_id == traces.c.project_id, old)
                plan.scores = _count(connection, of_them)
                plan.scores += _count(connection, select(scores.c.id).where(_loose(now - ages.spans * _DAY_US)))
            if ages.rollups:
                for table, at_least, place in self._old_rollups(connection, now, ages.rollups):
                    plan.rollups += _count(connection, select(table.c.at).where(*place, table.c.at < at_least))
                for project in self._projects(drifts, connection):
                    plan.rollups += _count(connection, self._old_drifts(project, now, ages.rollups))
        runs, answers = (now - days * _DAY_US if days else None for days in (ages.eval_runs, ages.eval_answers))
        plan.runs, plan.answers = self._evals.counted(runs, answers)
        return plan

    def run(self, ages: RetentionConfig) -> Iterator[Gone]:
        """Do it, a step with each turn of the iteration, each saying what went."""
        now = self._clock()
        if ages.payloads:
            yield from self._drop_days(now, ages.payloads)
            yield from self._until_nothing(partial(self._delete_bodies, now=now, days=ages.payloads))
            before = _began(now, ages.payloads)
            for project in self._projects(question_vectors):
                yield from self._until_nothing(partial(_delete_questions, project=project, before_us=before))
        if ages.spans:
            yield from self._drop_spans(now, ages.spans)
            for project in self._projects(traces):
                yield from self._until_nothing(partial(_delete_traces, project=project, now=now, days=ages.spans))
            cutoff = now - ages.spans * _DAY_US
            for project in self._projects(scores):
                yield from self._until_nothing(partial(_delete_scores, project=project, cutoff_us=cutoff))
        if ages.rollups:
            yield from self._delete_rollups(now, ages.rollups)
        yield from self._delete_evals(now, ages)
        with writing(self._store.observe) as connection:
            prune(connection, now - _REMEMBERED_US)
        yield from self._shrink()

    # ---- bodies

    def _old_days(self, connection: Connection, now: int, days: int) -> list[tuple[int, int]]:
        last = day_of(now) - days
        return [(day, size) for day, size in self._store.payloads.sizes(connection) if day < last]

    def _drop_days(self, now: int, days: int) -> Iterator[Gone]:
        with self._store.observe.connect() as connection:
            old = self._old_days(connection, now, days)
        for day, size in old:
            with writing(self._store.observe) as connection:
                self._store.payloads.drop(connection, day)
            yield Gone(days=1, bytes=size)

    def _old_bodies(self, now: int, days: int) -> Any:
        """Those of before there were days."""
        c, of_span = payloads.c, spans.c
        same = (c.project_id == of_span.project_id, c.trace_id == of_span.trace_id, c.span_id == of_span.id)
        query = select(c.project_id, c.trace_id, c.span_id)
        return query.where(*same, of_span.start_us < _began(now, days))

    def _delete_bodies(self, connection: Connection, now: int, days: int) -> Gone:
        old = connection.execute(self._old_bodies(now, days).limit(_MOST_ROWS)).all()
        return Gone(bodies=_delete(connection, payloads, old))

    # ---- spans

    def _drop_spans(self, now: int, days: int) -> Iterator[Gone]:
        """The tables of spans that hold nothing but what is too old. One that others read all the time stays, and its
        spans go with their traces; so it is empty when the next run drops it."""
        busy, attempts = set[int](), 0
        while True:
            with self._store.observe.connect() as connection:
                past = _Past.of(connection, now, days)
                old = [day for day in past.whole_days(connection) if day not in busy]
            if not old:
                return
            if _drop_table(self._store, old[0], past, self._projects(traces)):
                attempts = 0
            elif (attempts := attempts + 1) == _MOST_ATTEMPTS:
                busy.add(old[0])
            yield Gone()

    # ---- rollups

    def _old_rollups(
        self, connection: Connection, now: int, days: int
    ) -> Iterator[tuple[Table, int, tuple[ColumnElement[bool], ...]]]:
        """The tables by project, grain and dimension, and from where on their rows stay."""
        for table in (rollups, score_rollups):
            for project in self._projects(table, connection):
                for grain, hours in GRAINS.items():
                    for dimension in DIMENSIONS:
                        c = table.c
                        place = (c.project_id == project, c.grain == grain, c.dimension == dimension)
                        yield table, (now - days * _DAY_US) // (hours * _HOUR_US), place

    def _old_drifts(self, project: str, now: int, days: int) -> Any:
        return select(*drifts.primary_key).where(drifts.c.project_id == project, drifts.c.day < day_of(now) - days)

    def _delete_rollups(self, now: int, days: int) -> Iterator[Gone]:
        with writing(self._store.observe) as connection:
            connection.execute(delete(sheets).where(sheets.c.day < day_of(now) - days))
        with self._store.observe.connect() as connection:
            places = [*self._old_rollups(connection, now, days)]
        for table, at_least, place in places:
            query = select(*table.primary_key).where(*place, table.c.at < at_least).limit(_MOST_ROWS)

            def some(connection: Connection, table: Table = table, query: Any = query) -> Gone:
                return Gone(rollups=_delete(connection, table, connection.execute(query).all()))

            with self._store.observe.connect() as connection:
                there = connection.execute(query.limit(1)).first()
            if there is not None:
                yield from self._until_nothing(some)
        for project in self._projects(drifts):
            yield from self._until_nothing(partial(self._delete_drifts, project=project, now=now, days=days))

    def _delete_drifts(self, connection: Connection, project: str, now: int, days: int) -> Gone:
        old = connection.execute(self._old_drifts(project, now, days).limit(_MOST_ROWS)).all()
        return Gone(rollups=_delete(connection, drifts, old))

    def _delete_evals(self, now: int, ages: RetentionConfig) -> Iterator[Gone]:
        while ages.eval_runs and (step := self._evals.forget_run(now - ages.eval_runs * _DAY_US)) is not None:
            yield Gone(runs=step[0], outcomes=step[1])
        while ages.eval_answers and (gone := self._evals.forget_answers(now - ages.eval_answers * _DAY_US)):
            yield Gone(answers=gone)

    # ---- parts

    def _projects(self, table: Table, connection: Connection | None = None) -> list[str]:
        """The projects with rows in a table, by its index: rows are many, projects few."""
        if connection is None:
            with self._store.observe.connect() as opened:
                return self._projects(table, opened)
        found, last = list[str](), ""
        while True:
            query = select(func.min(table.c.project_id)).where(table.c.project_id > last)
            project = connection.scalar(query)
            if project is None:
                return found
            found.append(project)
            last = project

    def _until_nothing(self, step: Callable[[Connection], Gone]) -> Iterator[Gone]:
        while True:
            with writing(self._store.observe) as connection:
                gone = step(connection)
            if not gone:
                return
            yield gone

    def _shrink(self) -> Iterator[Gone]:
        """Give the pages of an SQLite file back that nothing is on any more, where it was made so that it can."""
        while self._store.observe.dialect.name == "sqlite":
            connection = self._store.observe.raw_connection()
            try:
                cursor = connection.cursor()
                free = cursor.execute("PRAGMA freelist_count").fetchone()[0]
                if free < _FREE_PAGES or cursor.execute("PRAGMA auto_vacuum").fetchone()[0] != 2:
                    return
                cursor.execute(f"PRAGMA incremental_vacuum({_FREE_PAGES})").fetchall()
            finally:
                connection.close()
            yield Gone()


def _began(now: int, days: int) -> int:
    """When the first of the days began that stay, in microseconds."""
    return (day_of(now) - days) * _DAY_US


class _Past(NamedTuple):
    """What is too old of traces: those that began before `began_us` and ended before `ended_us`.

    Where spans go by the day, both are not the same: only whole days count as begun, and they may end an hour into the
    next one, since some traces always last beyond midnight.
    """

    began_us: int
    ended_us: int

    @classmethod
    def of(cls, connection: Connection, now: int, days: int) -> "_Past":
        ended = now - days * _DAY_US
        if connection.dialect.name == "sqlite":
            return cls(ended, ended)
        return cls(day_of(ended - _HOUR_US) * _DAY_US, ended)

    @property
    def condition(self) -> ColumnElement[bool]:
        c = traces.c
        return (c.start_us < self.began_us) & (c.start_us + c.duration_us < self.ended_us)

    def whole_days(self, connection: Connection) -> list[int]:
        """The days whose spans are all of such traces."""
        return [] if backfill.pending(connection) else outlived(connection, day_of(self.began_us), self.ended_us)


def _drop_table(store: Store, day: int, past: _Past, projects: Sequence[str]) -> bool:
    """Drop the spans of that day, unless something that is kept came to them; False where they are read too much."""
    with store.observe.connect() as connection, connection.begin() as transaction:
        known_traces(connection, [])  # who writes spans waits until this is committed
        if day not in past.whole_days(connection):
            return True
        for project in projects:
            erase(connection, project, AGE, [""], past.began_us, past.began_us)
        dropped = drop(connection, day)
        if not dropped:
            transaction.rollback()
        return dropped


def _loose(cutoff_us: int) -> ColumnElement[bool]:
    """Old scores whose trace is not there."""
    of_trace = select(traces.c.trace_id).where(
        traces.c.project_id == scores.c.project_id, traces.c.trace_id == scores.c.trace_id
    )
    return (scores.c.at_us < cutoff_us) & or_(scores.c.trace_id.is_(None), ~of_trace.exists())


def _delete_traces(connection: Connection, project: str, now: int, days: int) -> Gone:
    known_traces(connection, [])  # who writes spans waits until this is committed
    if backfill.pending(connection):
        return Gone()
    past, c = _Past.of(connection, now, days), traces.c
    query = select(c.trace_id, c.spans, c.day).where(c.project_id == project, past.condition)
    chosen: list[tuple[str, str]] = []
    count, of_days = 0, set[int]()
    for trace, number, day in connection.execute(query.order_by(c.start_us).limit(_MOST_ROWS)):
        chosen.append((project, trace))
        of_days.add(day)
        count += number
        if count >= _MOST_SPANS:
            break
    if not chosen:
        return Gone()
    erase(connection, project, AGE, [""], past.began_us, past.began_us)
    gone = Gone(traces=len(chosen), spans=count)
    if left := there(connection, of_days):
        these = among(connection, (spans.c.project_id, spans.c.trace_id), chosen)
        connection.execute(delete(spans).where(these, spans.c.day.in_(left)))
    told_of = {scores: "scores", payloads: "bodies", question_vectors: "questions", traces: "traces"}
    for table, told in told_of.items():
        these = among(connection, (table.c.project_id, table.c.trace_id), chosen)
        setattr(gone, told, connection.execute(delete(table).where(these)).rowcount)
    of_prompts = among(connection, (prompt_calls.c.project_id, prompt_calls.c.trace_id), chosen)
    connection.execute(delete(prompt_calls).where(of_prompts))
    return gone


def _delete_questions(connection: Connection, project: str, before_us: int) -> Gone:
    query = select(_Q.project_id, _Q.trace_id).where(_Q.project_id == project, _Q.at_us < before_us)
    old = connection.execute(query.order_by(_Q.at_us).limit(_MOST_ROWS)).all()
    return Gone(questions=_delete(connection, question_vectors, old))


def _delete_scores(connection: Connection, project: str, cutoff_us: int) -> Gone:
    query = select(scores.c.project_id, scores.c.id).where(scores.c.project_id == project, _loose(cutoff_us))
    return Gone(scores=_delete(connection, scores, connection.execute(query.limit(_MOST_ROWS)).all()))


def _delete(connection: Connection, table: Table, keys: Any) -> int:
    if not keys:
        return 0
    return connection.execute(delete(table).where(among(connection, list(table.primary_key), keys))).rowcount


def _count(connection: Connection, query: Any) -> int:
    return connection.scalar(select(func.count()).select_from(query.subquery())) or 0
