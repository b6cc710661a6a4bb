"""What would be asked, without asking anybody: a task's question of a case, a judge's first about an output, and
whether answers to them are kept.
"""

from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress
from dataclasses import dataclass

from pilothouse.call import Call, Progress, Reservation, Span
from pilothouse.cases import Case
from pilothouse.errors import Cancelled, PilothouseError
from pilothouse.evals.runs.prepare import Prepared
from pilothouse.evals.runs.remembered import Keys, whose
from pilothouse.evals.runs.rooms import Rooms
from pilothouse.evals.runs.subject import Asking, ModelSubject, RecordedSubject, TaskFailed
from pilothouse.evals.runs.turns import Turn
from pilothouse.evals.shapes import Evaluator, Models
from pilothouse.protocols import Encode
from pilothouse.storage.evaluating.eval_answers import EvalAnswers, KeptAnswer
from pilothouse.storage.evaluating.eval_outcomes import source_of
from pilothouse.types import ChatChunk, ChatRequest

__all__ = ["Probe", "first_of_task", "judged_before", "made_before", "probed"]

MOST = 2000  # outputs about which it is looked up whether they were judged


class _Probed(Cancelled):
    """What a task or an evaluator is about to ask is known: it goes no further."""


class _Silent:
    """A recorder of nothing: nothing happens."""

    def record(self, record: Span | Reservation | Progress) -> None:
        return None


@dataclass(slots=True)
class Probe:
    """A Chat that takes down the first request, within which call it came, and answers nothing."""

    asked: ChatRequest | None = None
    call: Call | None = None

    async def __call__(self, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        self.asked, self.call = request, call
        nothing: tuple[ChatChunk, ...] = ()
        for chunk in nothing:
            yield chunk
        raise _Probed("Only what would be asked was wanted.")


async def first_of_task(subject: ModelSubject, case: Case, turn: Turn) -> ChatRequest | None:
    """What the task would ask about a case; None where it cannot ask."""
    probe = Probe()
    with suppress(PilothouseError, TaskFailed):
        await subject.run(case, Asking(probe, Call(_Silent())), turn)
    return probe.asked


async def probed(evaluator: Evaluator, made: Case, judge: str | None, encode: Encode | None = None) -> Probe:
    """What an evaluator would ask first about an output."""
    probe = Probe()
    models = Models(make_call=lambda: Call(_Silent()), chat=probe, judge=judge, encode=encode)
    with suppress(Exception):  # somebody else's code, which the run will tell of
        await evaluator.evaluate(made, models)
    return probe


async def made_before(rooms: Rooms, project: str, prepared: Prepared) -> list[tuple[Case, int]]:
    """The outputs that are there before the run, each with its trial: recorded ones, and a model's kept answers. None
    where the run has more than 2,000 outcomes, or is to use nothing that is kept."""
    suite, subject, made = prepared.suite, prepared.subject, list[tuple[Case, int]]()
    if prepared.fresh or len(prepared.cases) * suite.trials > MOST:
        return []
    each = [(case, trial) for case in prepared.cases for trial in range(suite.trials)]
    if isinstance(subject, RecordedSubject):
        return [(case, trial) for case, trial in each if case.output or case.steps or "output" in case.metadata]
    if not isinstance(subject, ModelSubject):
        return []
    keys, asked = Keys(rooms.fingerprint), list[tuple[str, Case, int]]()
    for case, trial in each:
        turn = Turn(trace_id="", trial=trial, source=source_of(case))
        if (request := await first_of_task(subject, case, turn)) is not None:
            asked.append((await keys.of(turn, request), case, trial))
    kept = EvalAnswers(rooms.store).get(project, {key for key, _, _ in asked})
    for answer, case, trial in ((kept[key], case, trial) for key, case, trial in asked if key in kept):
        turn = Turn(trace_id="", trial=trial)
        turn.context = tuple(answer.body["context"]) if answer.body.get("context") is not None else None
        with suppress(PilothouseError, TaskFailed):
            made.append((await subject.run(case, Asking(_Kept(answer), Call(_Silent())), turn), trial))
    return made


async def judged_before(
    rooms: Rooms, project: str, prepared: Prepared, evaluator: Evaluator, made: Iterable[tuple[Case, int]]
) -> int:
    """About how many of these outputs an evaluator's first question has an answer that is kept."""
    keys, asked = Keys(rooms.fingerprint), list[str]()
    for case, trial in made:
        probe = await probed(evaluator, case, prepared.suite.judge)
        if probe.asked is not None and probe.call is not None:
            turn = Turn(trace_id="", trial=trial, source=source_of(case))
            asked.append(await keys.of(whose(turn, probe.call), probe.asked))
    known = EvalAnswers(rooms.store).known(project, {*asked})
    return sum(key in known for key in asked)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A Chat that answers what was answered before."""

    answer: KeptAnswer

    async def __call__(self, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        yield ChatChunk(self.answer.body["raw"].encode())
