"""Runs of evaluation: what was evaluated by which plan, how far that got, and who works on it. Knows nothing of
evaluators, models and statistics."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
from sqlalchemy import Row, delete, insert, or_, select, update
from sqlalchemy.engine import Connection

from pilothouse.cases import Outcome
from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.ids import new_id, now_us
from pilothouse.storage.database import Store, writing
from pilothouse.storage.evaluating.eval_outcomes import EvalOutcomes, OutcomePage
from pilothouse.storage.tables import eval_runs
from pilothouse.types import Json

__all__ = ["EvalRuns", "Kind", "OutcomePage", "Run", "RunPage", "Status"]

Kind = Literal["unit", "regression", "benchmark", "external"]
"""What a run is for. `external` is one whose outputs another program made and reported."""
Status = Literal["running", "done", "stopped", "failed", "cancelled"]
"""`stopped` can go on: it was interrupted, or its money was spent. `failed` says why in `error`, and can go on too."""

MOST_RUNS = 500
_SECOND = 1_000_000
_LONGEST_REPORTED = 30 * 24 * 3600 * _SECOND
_R = eval_runs.c
_JSON = ("subject", "plan", "metadata", "summary")


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a suite. `subject` is what was evaluated, `plan` the whole suite, `metadata` what its author says.

    `done` of `cases` times `trials` outcomes are there, `erased` more were. `cost_nano` is what it has paid in
    nano-USD, None where some call has no known price or nobody counted.
    """

    id: str
    name: str
    suite: str
    kind: Kind
    status: Status
    error: str | None
    dataset_id: str | None
    dataset_version: int | None
    subject: Json
    plan: Json
    plan_hash: str
    metadata: Json
    baseline_id: str | None
    cases: int
    trials: int
    done: int
    cost_nano: int | None
    summary: Json | None
    created_us: int
    ended_us: int | None
    erased: int = 0
    holder: str | None = None
    lease_until_us: int | None = None

    def is_silent(self, now_us: int) -> bool:
        """Whether whoever worked on it was killed, or is away: it can be gone on with."""
        return self.status == "running" and self.lease_until_us is not None and self.lease_until_us < now_us


@dataclass(frozen=True, slots=True)
class RunPage:
    """Runs, the newest first. `next` continues: hand it back as `before`. None at the end."""

    runs: list[Run]
    next: str | None


@dataclass(frozen=True, slots=True)
class EvalRuns:
    """Of a store. Every method blocks on the database. `clock` gives microseconds."""

    store: Store
    clock: Callable[[], int] = now_us
    kept: EvalOutcomes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kept", EvalOutcomes(self.store))

    def create(
        self, project: str, *, name: str, suite: str, kind: Kind = "unit", subject: Json, plan: Json, plan_hash: str,
        dataset_id: str | None = None, dataset_version: int | None = None, metadata: Json | None = None,
        baseline_id: str | None = None, cases: int = 0, trials: int = 1, cost_nano: int | None = 0,
        status: Status = "running",
    ) -> Run:  # fmt: skip
        """A new run, of which nothing is done. Raises InvalidRequest for a name that cannot be one."""
        for what, given in (("name", name), ("suite", suite)):
            if not (0 < len(given) <= 256 and given.isprintable()):
                raise InvalidRequest(f"The {what} of a run must be 1 to 256 printable characters.", param=what)
        now = self.clock()
        run = Run(
            new_id(now), name, suite, kind, status, None, dataset_id, dataset_version, subject, plan, plan_hash,
            metadata or {}, baseline_id, cases, trials, 0, cost_nano, None, now, None,
        )  # fmt: skip
        row = {field: getattr(run, field) for field in Run.__dataclass_fields__}
        with writing(self.store.control) as connection:
            connection.execute(insert(eval_runs), {"project_id": project, **_encoded(row)})
        return run

    def get(self, project: str, reference: str) -> Run:
        """The run of this id, else the newest of this name. Raises NotFound."""
        mine = select(eval_runs).where(_R.project_id == project)
        with self.store.control.connect() as connection:
            row = None if "\0" in reference else connection.execute(mine.where(_R.id == reference)).first()
            if row is None and "\0" not in reference:
                row = connection.execute(mine.where(_R.name == reference).order_by(_R.id.desc()).limit(1)).first()
        if row is None:
            raise NotFound(f"There is no run '{reference[:256]}'.", param="run")
        return _run(row)

    def list(
        self, project: str, *, suite: str | None = None, name: str | None = None, dataset_id: str | None = None,
        before: str | None = None, limit: int = 50,
    ) -> RunPage:  # fmt: skip
        """Up to `limit` (500 at most) runs, those older than the run with the id `before`."""
        limit = max(1, min(MOST_RUNS, limit))
        query = select(eval_runs).where(_R.project_id == project)
        for column, wanted in ((_R.suite, suite), (_R.name, name), (_R.dataset_id, dataset_id)):
            if wanted is not None:
                query = query.where(column == wanted.replace("\0", "\ufffd"))
        if before is not None:
            query = query.where(_R.id < before.replace("\0", ""))
        with self.store.control.connect() as connection:
            rows = connection.execute(query.order_by(_R.id.desc()).limit(limit + 1)).all()
        return RunPage([_run(row) for row in rows[:limit]], rows[limit - 1].id if len(rows) > limit else None)

    def reported(self, limit: int = MOST_RUNS) -> Sequence[tuple[str, Run]]:
        """The runs of all projects that other programs make and that go on, each with its project, the newest first;
        those that were begun in the last 30 days."""
        since = self.clock() - _LONGEST_REPORTED
        going = select(eval_runs).where(_R.created_us > since, _R.kind == "external", _R.status == "running")
        with self.store.control.connect() as connection:
            rows = connection.execute(going.order_by(_R.created_us.desc()).limit(limit)).all()
        return [(row.project_id, _run(row)) for row in rows]

    def update(self, project: str, run_id: str, **fields: Any) -> Run:
        """Change some fields of a run. Raises NotFound."""
        with writing(self.store.control) as connection:
            connection.execute(update(eval_runs).where(*_is(project, run_id)).values(**_encoded(fields)))
        return self.get(project, run_id)

    def delete(self, project: str, run_id: str) -> None:
        """A run with its outcomes; the answers that it paid for stay. Raises NotFound."""
        with writing(self.store.control) as connection:
            if connection.execute(delete(eval_runs).where(*_is(project, run_id))).rowcount == 0:
                raise NotFound(f"There is no run '{run_id[:256]}'.", param="run")
            self.kept.delete(connection, project, run_id)

    def take(self, project: str, run_id: str, holder: str, seconds: float, *, alone: bool = False) -> bool:
        """Hold a run for `seconds`, running from now on; False while another holder does. A holder takes over from
        itself, and anybody where `alone` says that no other can be alive."""
        now = self.clock()
        free = or_(_R.holder.is_(None), _R.holder == holder, _R.lease_until_us < now)
        where = _is(project, run_id) if alone else (*_is(project, run_id), free)
        values = {
            "holder": holder, "lease_until_us": now + int(seconds * _SECOND), "status": "running", "error": None,
            "ended_us": None,
        }  # fmt: skip
        with writing(self.store.control) as connection:
            return connection.execute(update(eval_runs).where(*where).values(values)).rowcount == 1

    def renew(self, project: str, run_id: str, holder: str, seconds: float) -> bool:
        """Hold it for `seconds` more; False once it was cancelled, deleted, or taken by another."""
        with writing(self.store.control) as connection:
            return self._renew(connection, project, run_id, holder, seconds)

    def release(
        self, project: str, run_id: str, holder: str, status: Status, *, error: str | None = None, **fields: Any
    ) -> Run:  # fmt: skip
        """It is over for this holder. A run that was cancelled stays so. Raises NotFound for one that was deleted."""
        where = (*_is(project, run_id), _R.holder == holder)
        values = {"holder": None, "lease_until_us": None, "ended_us": self.clock(), **_encoded(fields)}
        with writing(self.store.control) as connection:
            connection.execute(update(eval_runs).where(*where).values(values))
            still = (*_is(project, run_id), _R.status == "running")
            connection.execute(update(eval_runs).where(*still).values(status=status, error=error))
        return self.get(project, run_id)

    def cancel(self, project: str, run_id: str) -> Run:
        """Ask whoever works on it to stop: what is done is kept. A run that has ended stays as it is."""
        still = (*_is(project, run_id), _R.status == "running")
        with writing(self.store.control) as connection:
            values = {"status": "cancelled", "ended_us": self.clock()}
            connection.execute(update(eval_runs).where(*still).values(values))
        return self.get(project, run_id)

    def put(
        self, project: str, run_id: str, outcomes: Sequence[Outcome], *, holder: str | None = None,
        seconds: float = 60.0, cost_nano: int | None = 0,
    ) -> bool:  # fmt: skip
        """Keep what was found, in place of what there is of the same case and trial, and add to what the run has paid,
        in one transaction. With a `holder`, who holds it for `seconds` more; False, and nothing is kept, once it is not
        theirs. Raises InvalidRequest for what cannot be kept, NotFound where there is no such run."""
        with writing(self.store.control) as connection:
            if holder is not None and not self._renew(connection, project, run_id, holder, seconds):
                return False
            new = self.kept.put(connection, project, run_id, outcomes)
            paid = _R.cost_nano if cost_nano == 0 else _R.cost_nano + cost_nano  # + None is unknown from now on
            values = {"done": _R.done + new, "cost_nano": paid}
            if connection.execute(update(eval_runs).where(*_is(project, run_id)).values(values)).rowcount == 0:
                raise NotFound(f"There is no run '{run_id[:256]}'.", param="run")
        return True

    def outcomes(
        self, project: str, run_id: str, after: str | None = None, limit: int = 100, evaluator: str | None = None,
        failing: bool = False,
    ) -> OutcomePage:  # fmt: skip
        """A page of what a run found; see EvalOutcomes.page."""
        return self.kept.page(project, run_id, after=after, limit=limit, evaluator=evaluator, failing=failing)

    def each(self, project: str, run_id: str) -> Iterator[Outcome]:
        """All of what a run found, by case id and trial."""
        return self.kept.each(project, run_id)

    def outcome(self, project: str, run_id: str, case_id: str, trial: int = 0) -> Outcome:
        """What it found of one case. Raises NotFound."""
        return self.kept.get(project, run_id, case_id, trial)

    def done(self, project: str, run_id: str) -> set[tuple[str, int]]:
        """The case id and trial of each outcome that is there."""
        return self.kept.done(project, run_id)

    def _renew(self, connection: Connection, project: str, run_id: str, holder: str, seconds: float) -> bool:
        mine = (*_is(project, run_id), _R.holder == holder, _R.status == "running")
        until = self.clock() + int(seconds * _SECOND)
        return connection.execute(update(eval_runs).where(*mine).values(lease_until_us=until)).rowcount == 1


def _is(project: str, run_id: str) -> tuple[Any, ...]:
    return _R.project_id == project, _R.id == run_id.replace("\0", "")


def _run(row: Row[Any]) -> Run:
    values = {name: getattr(row, name) for name in Run.__dataclass_fields__}
    for name in _JSON:
        values[name] = None if values[name] is None else msgspec.json.decode(values[name])
    return Run(**values)


def _encoded(values: Json) -> Json:
    return {
        name: _text(name, value) if name in _JSON and value is not None else value for name, value in values.items()
    }


def _text(name: str, value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidRequest(f"The {name} of a run must be JSON: {error}.", param=name) from None
