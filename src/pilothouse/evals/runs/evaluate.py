"""A run from its start, or from where it stood, to its figures: what command line, API and Python all call."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pilothouse.errors import Conflict
from pilothouse.evals.reports.runs import RunReports
from pilothouse.evals.reports.told import Told
from pilothouse.evals.runs.book import AnswerBook, folder
from pilothouse.evals.runs.prepare import Given, Prepared, created, prepare
from pilothouse.evals.runs.recovery import forget_erased, take_over
from pilothouse.evals.runs.remembered import Remembered
from pilothouse.evals.runs.rooms import Rooms
from pilothouse.evals.runs.runner import INTERRUPTED, LEASE, Heard, Runner
from pilothouse.evals.runs.suite import Written
from pilothouse.evals.runs.throttle import Throttle
from pilothouse.storage.evaluating.eval_outcomes import source_of
from pilothouse.storage.evaluating.eval_runs import Run, Status
from pilothouse.storage.locks import try_hold

__all__ = ["Ended", "begun_with", "run_suite", "work"]


@dataclass(frozen=True, slots=True)
class Ended:
    """A run as it is now, and all there is to say of it. `asked_again` is how many questions a killed process had under
    way, whose answers were lost."""

    run: Run
    told: Told
    asked_again: int = 0

    @property
    def passed(self) -> bool:
        """Whether the run is done and every gate of its suite held."""
        return self.told.complete and not self.told.failed


async def work(
    rooms: Rooms, project: str, run: Run, prepared: Prepared, *, heard: Heard = lambda done, total, nano: None,
    started: Callable[[Runner], object] = lambda runner: None, catch: bool = False,
) -> Ended:  # fmt: skip
    """Work a run off and keep its figures. `started` is handed what can be told to halt; with `catch`, Ctrl-C and
    SIGTERM do that, and the second time they end the calls under way, too.

    Raises Conflict where another process works on it, and StorageError. Whatever else ends it early is in its status.
    """
    suite = prepared.suite
    with _alone(rooms, project, run) as holder:
        lost = await asyncio.to_thread(take_over, rooms.store, rooms.home)
        run = rooms.runs.get(project, run.id)
        cap, spent = suite.cap_nano, run.cost_nano or 0
        throttle = Throttle(suite.concurrency, suite.per_second, cap, spent)
        book = AnswerBook(rooms.store, rooms.home, project, run.id)
        salt = run.id if prepared.fresh else ""
        remembered = Remembered(rooms.chat, book, throttle, run.id, rooms.fingerprint, salt)
        runner = Runner(
            rooms, project, run, prepared.subject, prepared.evaluators, remembered, throttle, holder=holder,
            judge=suite.judge, concurrency=suite.concurrency, heard=heard,
        )  # fmt: skip
        started(runner)
        try:
            with begun_with(runner) if catch else _nothing():
                await runner.work(prepared.cases, rooms.runs.done(project, run.id))
        except BaseException as error:
            rooms.runs.release(project, run.id, holder, "stopped", error=str(error) or INTERRUPTED)
            raise
        finally:
            await book.aclose()
        sources = [source_of(case) for case in prepared.cases]
        await asyncio.to_thread(forget_erased, rooms.store, project, sources)
        halt = runner.halted
        status: Status = "done" if halt is None else halt.status
        run = rooms.runs.release(project, run.id, holder, status, error=None if halt is None else halt.why)
        told = await asyncio.to_thread(RunReports(rooms.runs, rooms.objections).told, project, run)
        told = msgspec.structs.replace(told, notes=(*told.notes, *prepared.notes, *_unpriced(throttle.unpriced)))
        figures = {**told.summary.to_json(), "gates": msgspec.to_builtins(told.gates)}
        run = rooms.runs.update(project, run.id, summary=figures)
    return Ended(run, told, lost.get((project, run.id), 0))


async def run_suite(
    rooms: Rooms, project: str, written: Written, given: Given | None = None, *, name: str | None = None,
    metadata: Mapping[str, str] | None = None, fresh: bool = False, heard: Heard = lambda done, total, nano: None,
) -> Ended:  # fmt: skip
    """Prepare a suite, make its run and work it off. `given` are cases, evaluators or a function in place of what it
    names; another `chat` and `fingerprint` come in by the rooms. Raises what these three raise."""
    prepared = await prepare(rooms, project, written, given, fresh=fresh)
    run = created(rooms.runs, project, prepared, name, dict(metadata or {}))
    return await work(rooms, project, run, prepared, heard=heard)


@contextmanager
def begun_with(runner: Runner) -> Iterator[None]:
    """While it works, the first Ctrl-C or SIGTERM halts it, and the next one ends the calls under way, too. Only on the
    main thread."""
    loop = asyncio.get_running_loop()

    def asked() -> None:
        if runner.halted is None:
            runner.halt("stopped", INTERRUPTED)
        else:
            runner.hurry()

    numbers = list[signal.Signals]()
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, asked)
            numbers.append(number)
    except (RuntimeError, ValueError, NotImplementedError):
        pass  # not the main thread: whoever is on it decides
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def _alone(rooms: Rooms, project: str, run: Run) -> Iterator[str]:
    """Hold the run. A lock in the home, which a killed process lets go of, tells whether another of this home is at
    it; for those elsewhere its lease has to run out."""
    locks = folder(rooms.home) / "locks"
    locks.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = locks / f"{run.id}.lock"
    holder = f"{socket.gethostname()}:{rooms.home.absolute()}"
    held = try_hold(path)
    if held is not None and not _there(path, held):
        os.close(held)  # who had it has just ended and removed it
        held = None
    if held is None or not rooms.runs.take(project, run.id, holder, LEASE):
        if held is not None:
            os.close(held)
        raise Conflict(f"Another process works on the run '{run.name}' ({run.id}).")
    try:
        yield holder
    finally:
        _let_go(path, held)


def _there(path: Path, held: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(held))
    except FileNotFoundError:
        return False


def _let_go(path: Path, held: int) -> None:
    path.unlink(missing_ok=True)
    os.close(held)


def _unpriced(calls: int) -> list[str]:
    which = "1 call has" if calls == 1 else f"{calls} calls have"
    told = f"{which} no known price: what the run cost is more than what is shown, and its cap does not cover it."
    return [told] if calls else []
