"""Works a run off: each case asked for and judged, so many at once, what is found kept as it comes.

A run halts when it is told to, when its money is spent, or when something fails that would fail every other case, too.
What was done by then is kept, and what was paid for is never paid for again.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace as replaced

from pilothouse.call import Call
from pilothouse.cases import Outcome
from pilothouse.errors import BudgetExceeded, PilothouseError
from pilothouse.evals.judges.asking import STOPPING
from pilothouse.evals.runs.remembered import Remembered
from pilothouse.evals.runs.rooms import Rooms
from pilothouse.evals.runs.subject import Asking, ModelSubject, Subject, TaskFailed
from pilothouse.evals.runs.throttle import Throttle
from pilothouse.evals.runs.turns import Turn, trace_of
from pilothouse.evals.shapes import Case, Evaluator, Models, Verdict
from pilothouse.storage.evaluating.eval_outcomes import source_of
from pilothouse.storage.evaluating.eval_runs import Run, Status

__all__ = ["INTERRUPTED", "LEASE", "Halt", "Heard", "Runner"]

LEASE = 60.0  # seconds for which a run is held without a word
INTERRUPTED = "It was interrupted."
_BEAT = 15.0
_COLLECT = 0.2
_AT_ONCE = 200
_GRACE = 30.0  # seconds for calls under way once a run is to halt
_AGAIN = 3  # attempts at a verdict whose judge waited for room until its time was over

Heard = Callable[[int, int, int], object]
"""Hears how many of how many outcomes are there, and what is spent (nano-USD)."""


@dataclass(frozen=True, slots=True)
class Halt:
    """Why a run went no further, and how it is to be kept."""

    status: Status
    why: str


class Runner:
    """One run of a project, on one event loop, held in the name of `holder`."""

    def __init__(
        self, rooms: Rooms, project: str, run: Run, subject: Subject, evaluators: Sequence[Evaluator],
        remembered: Remembered, throttle: Throttle, *, holder: str, judge: str | None = None, concurrency: int = 8,
        heard: Heard = lambda done, total, nano: None, grace: float = _GRACE,
    ) -> None:  # fmt: skip
        self._rooms, self._project, self._run = rooms, project, run
        self._subject, self._evaluators = subject, evaluators
        self._remembered, self._throttle = remembered, throttle
        self._holder, self._judge, self._concurrency = holder, judge, concurrency
        self._heard, self._grace = heard, grace
        self._found: list[tuple[Outcome, int | None]] = []
        self._more, self._halting, self._over = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._hurry = asyncio.Event()
        self._done = run.done
        self.halted: Halt | None = None

    def halt(self, status: Status, why: str) -> None:
        """Begin nothing more; the first word counts."""
        if self.halted is None:
            self.halted = Halt(status, why)
            self._throttle.halt(why)
            self._halting.set()

    def hurry(self) -> None:
        """Do not wait for calls under way once it is to halt."""
        self._hurry.set()

    async def work(self, cases: Sequence[Case], done: set[tuple[str, int]]) -> None:
        """Make the outcomes that are not there. Raises StorageError where what was found cannot be kept; whatever else
        ends it early is in `halted`."""
        left = ((case, trial) for case in cases for trial in range(self._run.trials) if (case.id, trial) not in done)
        self._say()
        writing = asyncio.create_task(self._write())
        workers = [asyncio.create_task(self._works(left)) for _ in range(self._concurrency)]
        try:
            await self._ended(workers, writing)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            self._over.set()
            self._more.set()
            await writing
        for worker in workers:
            if not worker.cancelled() and (error := worker.exception()) is not None:
                raise error

    async def _ended(self, workers: list["asyncio.Task[None]"], writing: "asyncio.Task[None]") -> None:
        """Wait until all is done, or for the grace after a halt."""
        halting, hurry = asyncio.create_task(self._halting.wait()), asyncio.create_task(self._hurry.wait())
        try:
            waiting = {*workers, halting, writing}
            while waiting & {*workers} and halting in waiting and writing in waiting:
                ended, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if any(one in workers and one.exception() for one in ended):
                    return
            if writing in waiting and (busy := waiting & {*workers}):
                all_of_them: asyncio.Future[Any] = asyncio.gather(*busy, return_exceptions=True)
                either: set[asyncio.Future[Any]] = {all_of_them, hurry}
                await asyncio.wait(either, timeout=self._grace, return_when=asyncio.FIRST_COMPLETED)
        finally:
            halting.cancel()
            hurry.cancel()

    async def _works(self, left: Iterator[tuple[Case, int]]) -> None:
        for case, trial in left:
            if self.halted is not None:
                return
            try:
                found = await self._outcome(case, trial)
            except STOPPING as error:
                stops = isinstance(error, BudgetExceeded)
                self.halt("stopped" if stops else "failed", error.message)
                return
            self._found.append(found)
            self._more.set()
            await asyncio.sleep(0)

    async def _outcome(self, case: Case, trial: int) -> tuple[Outcome, int | None]:
        """What comes of a case, and what was paid for it."""
        turn, began = self._turn(case, trial), time.perf_counter()
        asking = Asking(self._remembered.of(turn), self._call(turn), self._judge)
        try:
            made = await self._subject.run(case, asking, turn)
            if what := _unkeepable(made):
                raise TaskFailed(f"What the task made is no JSON: {what}")
        except STOPPING:
            raise
        except (TaskFailed, PilothouseError) as error:
            why = str(error) if isinstance(error, TaskFailed) else error.message
            told = replaced(case, cost_nano=turn.cost_nano, trace_id=turn.trace_id)
            return Outcome(case=told, trial=trial, error=why or type(error).__name__), turn.paid_nano
        if isinstance(self._subject, ModelSubject) and turn.calls:  # the same once it is kept
            made = replaced(made, latency_s=turn.answers_s)
        elif turn.calls or (self._subject.timed and made.latency_s is None):
            made = replaced(made, latency_s=turn.latency_s(time.perf_counter() - began))
        if turn.calls:
            made = replaced(made, cost_nano=turn.cost_nano, trace_id=turn.answered_in)
        judged = await self._judged(made, trial, case)
        verdicts = tuple(verdict for verdict, _ in judged)
        paid = _total([turn.paid_nano, *(nano for _, nano in judged)])
        return Outcome(case=made, trial=trial, verdicts=verdicts, cached=turn.cached), paid

    async def _judged(self, made: Case, trial: int, case: Case) -> list[tuple[Verdict, int | None]]:
        """The verdicts, each with what was paid for it, in the order of their evaluators. Those that wait for nobody
        are not worth a task each."""
        waits = [bool(one.needs & {"judge", "encoder"}) for one in self._evaluators]
        told = [
            None if wait else await self._verdict(one, made, trial, case)
            for one, wait in zip(self._evaluators, waits, strict=True)
        ]
        asked = [one for one, wait in zip(self._evaluators, waits, strict=True) if wait]
        found = iter(await asyncio.gather(*(self._verdict(one, made, trial, case) for one in asked)))
        return [next(found) if one is None else one for one in told]

    async def _verdict(self, evaluator: Evaluator, made: Case, trial: int, case: Case) -> tuple[Verdict, int | None]:
        """A kept answer costs the verdict what it cost when it was made, as it does an output; it is not paid again."""
        for attempt in range(_AGAIN):
            turn = self._turn(case, trial, evaluator.name)
            models = Models(
                make_call=partial(self._call, turn), chat=self._remembered.of(turn), judge=self._judge,
                encode=self._rooms.encode,
            )  # fmt: skip
            try:
                told: Any = await evaluator.evaluate(made, models)
                if not isinstance(told, Verdict):
                    raise TypeError(f"a {type(told).__name__} is no Verdict")
                verdict = told
            except STOPPING:
                raise
            except PilothouseError as error:
                verdict = Verdict.failed(evaluator.name, error.message)
            except Exception as error:  # noqa: BLE001 - somebody else's code: one bad evaluator does not end a run
                verdict = Verdict.failed(evaluator.name, f"It raised {type(error).__name__}: {error}")
            if what := _unkeepable(verdict):
                verdict = Verdict.failed(evaluator.name, f"What it said is no JSON: {what}")
            if verdict.status != "failed" or not turn.cut or attempt == _AGAIN - 1:
                break
        cost, paid = (turn.cost_nano, turn.paid_nano) if turn.calls else (verdict.cost_nano, verdict.cost_nano)
        return replaced(verdict, evaluator=evaluator.name, cost_nano=cost), paid

    def _turn(self, case: Case, trial: int, evaluator: str = "") -> Turn:
        trace = trace_of(self._run.id, case.id, trial, evaluator)
        return Turn(trace_id=trace, trial=trial, source=source_of(case))

    def _call(self, turn: Turn) -> Call:
        told = {"tags": "evals"}
        who = self._rooms.principal
        return Call(
            self._rooms.recorder, who, self._project, trace_id=turn.trace_id, request_id=f"eval_{turn.trace_id}",
            key_id=who.key_id or None, endpoint="evals", metadata=told,
        )  # fmt: skip

    async def _write(self) -> None:
        """Keep what was found, in batches, and hold the run meanwhile."""
        put = partial(self._rooms.runs.put, self._project, self._run.id, holder=self._holder, seconds=LEASE)
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._more.wait(), _BEAT)
            if not self._over.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._over.wait(), _COLLECT if len(self._found) < _AT_ONCE else 0)
            over, batch, self._found = self._over.is_set(), self._found, []
            self._more.clear()
            cost = _total([paid for _, paid in batch])
            if not await asyncio.to_thread(put, [outcome for outcome, _ in batch], cost_nano=cost):
                self.halt("cancelled", "It was cancelled, or taken over by another process.")
                return
            self._done += len(batch)
            self._say()
            if over and not self._found:
                return

    def _say(self) -> None:
        self._heard(self._done, self._run.cases * self._run.trials, self._throttle.spent_nano)


def _unkeepable(value: Case | Verdict) -> str | None:
    """Why something that other people's code made cannot be kept."""
    try:
        msgspec.json.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        return str(error)
    return None


def _total(parts: Sequence[int | None]) -> int | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None
