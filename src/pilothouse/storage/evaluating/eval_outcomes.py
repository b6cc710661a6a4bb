"""What runs found of each case, once per trial: kept, and read again in pages. Knows nothing of what a run is.

An outcome is one row, each of its verdicts another, so that the failing ones of an evaluator are found in the database.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Row, and_, delete, or_, select, tuple_
from sqlalchemy.engine import Connection

from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.errors import InvalidRequest, NotFound, StorageError
from pilothouse.storage.database import Store
from pilothouse.storage.statements import add_new, among
from pilothouse.storage.tables import eval_outcomes, eval_verdicts

__all__ = ["EvalOutcomes", "OutcomePage", "keepable", "source_of"]

MOST_OUTCOMES = 500
MOST_NAME = 512
_O, _V = eval_outcomes.c, eval_verdicts.c
_outcome_of, _verdict_of = msgspec.json.Decoder(Outcome).decode, msgspec.json.Decoder(Verdict).decode
T = TypeVar("T")
_KEY = ("project_id", "run_id", "case_id", "trial")
_OUTCOME = (
    *_KEY, "status", "latency_us", "cost_nano", "trace_id", "source_trace", "source_user", "body",
)  # fmt: skip
_VERDICT = (*_KEY, "evaluator", "place", "status", "score", "passed", "label", "cost_nano", "trace_id", "body")


@dataclass(frozen=True, slots=True)
class OutcomePage:
    """Outcomes by case id and trial. `next` continues: hand it back as `after`. None at the end."""

    outcomes: list[Outcome]
    next: str | None


class EvalOutcomes:
    """Of a store. Blocks on the database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, connection: Connection, project: str, run_id: str, outcomes: Sequence[Outcome]) -> int:
        """Keep them, in place of those of the same case and trial; how many of them were not there. Raises
        InvalidRequest for a case's id or an evaluator's name that cannot be kept, and for what is no JSON."""
        latest = {(outcome.case.id, outcome.trial): outcome for outcome in outcomes}
        rows = [self._row(project, run_id, outcome) for outcome in latest.values()]
        verdicts = [
            self._verdict(project, run_id, outcome, place, verdict)
            for outcome in latest.values() for place, verdict in enumerate(outcome.verdicts)
        ]  # fmt: skip
        keys = [(project, run_id, *key) for key in latest]
        gone = self._delete(connection, keys)
        add_new(connection, eval_outcomes.name, _OUTCOME, rows)
        add_new(connection, eval_verdicts.name, _VERDICT, verdicts)
        return len(rows) - gone

    def page(
        self, project: str, run_id: str, *, after: str | None = None, limit: int = 100, evaluator: str | None = None,
        failing: bool = False,
    ) -> OutcomePage:  # fmt: skip
        """Up to `limit` (500 at most) outcomes, those after the mark `after` of the page before.

        With `evaluator` those that it said something of; with `failing` those whose task failed or of which an
        evaluator (that one) said that they do not pass, or could not tell. Raises InvalidRequest for a mark that is
        none.
        """
        limit = max(1, min(MOST_OUTCOMES, limit))
        query = select(eval_outcomes).where(_O.project_id == project, _O.run_id == run_id)
        if after is not None:
            query = query.where(tuple_(_O.case_id, _O.trial) > tuple_(*_read(after)))
        if evaluator is not None or failing:
            query = query.where(_which(evaluator, failing))
        with self._store.control.connect() as connection:
            rows = connection.execute(query.order_by(_O.case_id, _O.trial).limit(limit + 1)).all()
            found = self._whole(connection, project, run_id, rows[:limit])
        return OutcomePage(found, _mark(rows[limit - 1]) if len(rows) > limit else None)

    def each(self, project: str, run_id: str) -> Iterator[Outcome]:
        """All of a run, by case id and trial, read page by page."""
        after: str | None = None
        while True:
            page = self.page(project, run_id, after=after, limit=MOST_OUTCOMES)
            yield from page.outcomes
            if (after := page.next) is None:
                return

    def get(self, project: str, run_id: str, case_id: str, trial: int = 0) -> Outcome:
        """One of them. Raises NotFound."""
        this = _O.project_id == project, _O.run_id == run_id, _O.case_id == case_id, _O.trial == trial
        known = "\0" not in case_id and 0 <= trial < 2**31
        with self._store.control.connect() as connection:
            rows = connection.execute(select(eval_outcomes).where(*this)).all() if known else []
            if not rows:
                raise NotFound(f"The run has no outcome of case '{case_id[:128]}', trial {trial + 1}.", param="case")
            return self._whole(connection, project, run_id, rows)[0]

    def done(self, project: str, run_id: str) -> set[tuple[str, int]]:
        """The case id and trial of each that is kept."""
        query = select(_O.case_id, _O.trial).where(_O.project_id == project, _O.run_id == run_id)
        with self._store.control.connect() as connection:
            return {(row.case_id, row.trial) for row in connection.execute(query)}

    def delete(self, connection: Connection, project: str, run_id: str) -> None:
        """All of a run."""
        for table in (eval_verdicts, eval_outcomes):
            connection.execute(delete(table).where(table.c.project_id == project, table.c.run_id == run_id))

    def _delete(self, connection: Connection, keys: Sequence[tuple[Any, ...]]) -> int:
        gone = 0
        for table in (eval_verdicts, eval_outcomes):
            these = among(connection, [table.c[name] for name in _KEY], keys)
            gone = connection.execute(delete(table).where(these)).rowcount
        return gone

    def _row(self, project: str, run_id: str, outcome: Outcome) -> tuple[object, ...]:
        case = outcome.case
        where = (project, run_id, keepable("id of a case", case.id))
        latency = None if case.latency_s is None else round(case.latency_s * 1_000_000)
        return (
            *where, outcome.trial, "ok" if outcome.error is None else "error", latency, case.cost_nano, case.trace_id,
            *source_of(case), self._packed(replace(outcome, verdicts=()), where),
        )  # fmt: skip

    def _verdict(
        self, project: str, run_id: str, outcome: Outcome, place: int, verdict: Verdict
    ) -> tuple[object, ...]:  # fmt: skip
        where = (project, run_id, outcome.case.id)
        name = keepable("name of an evaluator", verdict.evaluator)
        label = None if verdict.label is None else verdict.label.replace("\0", "\ufffd")
        told = (verdict.status, verdict.score, verdict.passed, label, verdict.cost_nano, verdict.trace_id)
        return (*where, outcome.trial, name, place, *told, self._packed(verdict, where))

    def _packed(self, value: Outcome | Verdict, where: tuple[str, str, str]) -> bytes:
        try:
            return self._store.packer.pack(value, *where)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise InvalidRequest(f"The case '{where[-1]}' cannot be kept as JSON: {error}.", param="case") from None

    def _whole(self, connection: Connection, project: str, run_id: str, rows: Sequence[Row[Any]]) -> list[Outcome]:
        keys = [(project, run_id, row.case_id, row.trial) for row in rows]
        mine = among(connection, [_V[name] for name in _KEY], keys)
        told: dict[tuple[str, int], list[Verdict]] = {}
        for row in connection.execute(select(eval_verdicts).where(mine).order_by(_V.place)) if rows else ():
            told.setdefault((row.case_id, row.trial), []).append(self._read(row, _verdict_of))
        return [
            replace(self._read(row, _outcome_of), verdicts=tuple(told.get((row.case_id, row.trial), ())))
            for row in rows
        ]

    def _read(self, row: Row[Any], decode: Callable[[bytes], T]) -> T:
        place = (row.project_id, row.run_id, row.case_id)
        try:
            found: T = self._store.packer.unpack(row.body, *place, decode=decode)
        except ValueError as error:
            raise StorageError(f"The outcome of case '{row.case_id}' cannot be read: {error}.") from None
        return found


def source_of(case: Case) -> tuple[str | None, str | None]:
    """The trace that a case came from, and its user (a hash), as evals.datasets.cases notes them in its metadata."""
    told = (case.metadata.get("source_trace"), case.metadata.get("source_user"))
    trace, user = (one if isinstance(one, str) and "\0" not in one else None for one in told)
    return trace, user


def _which(evaluator: str | None, failing: bool) -> ColumnElement[bool]:
    said = [_V.project_id == _O.project_id, _V.run_id == _O.run_id, _V.case_id == _O.case_id, _V.trial == _O.trial]
    if evaluator is not None:
        said.append(_V.evaluator == evaluator.replace("\0", "\ufffd"))
    if not failing:
        return select(_V.evaluator).where(and_(*said)).exists()
    wrong = or_(_V.passed.is_(False), _V.status == "failed")
    return or_(_O.status == "error", select(_V.evaluator).where(and_(*said), wrong).exists())


def _mark(row: Row[Any]) -> str:
    return f"{row.trial}:{row.case_id}"


def _read(mark: str) -> tuple[str, int]:
    trial, colon, case_id = mark.partition(":")
    if not colon or not trial.isdecimal() or not trial.isascii() or len(trial) > 9 or "\0" in case_id:
        raise InvalidRequest("'after' must be the 'next' of a page of outcomes.", param="after")
    return case_id, int(trial)


def keepable(what: str, name: str) -> str:
    """The name, if outcomes can be kept by it. Raises InvalidRequest."""
    if not (0 < len(name) <= MOST_NAME and name.isprintable()):
        raise InvalidRequest(f"The {what} must be 1 to {MOST_NAME} printable characters: {name[:64]!r}.", param="id")
    return name
