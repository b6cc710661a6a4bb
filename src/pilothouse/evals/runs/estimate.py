"""What a run is going to ask and pay, before anything is asked: less what is kept, by what earlier runs of the suite
cost where there are any, else by counted prompts.
"""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from statistics import fmean
from typing import TypeVar

import msgspec

from pilothouse.call import Call, Progress, Reservation, Span
from pilothouse.cases import Case, Outcome
from pilothouse.errors import Cancelled, PilothouseError
from pilothouse.evals.judges.jury import Jury
from pilothouse.evals.reports.foreseen import Foreseen, foresee
from pilothouse.evals.runs.prepare import Prepared
from pilothouse.evals.runs.remembered import Keys
from pilothouse.evals.runs.rooms import Rooms
from pilothouse.evals.runs.subject import Asking, ModelSubject, TaskFailed
from pilothouse.evals.runs.turns import Turn
from pilothouse.evals.shapes import Evaluator, Models
from pilothouse.storage.evaluating.eval_answers import EvalAnswers
from pilothouse.storage.evaluating.eval_outcomes import source_of
from pilothouse.storage.evaluating.eval_runs import Run
from pilothouse.types import ChatChunk, ChatRequest, text_of

__all__ = ["Estimate", "Part", "estimate"]

T = TypeVar("T")
USUAL_ANSWER = 256  # tokens, where neither the suite nor an earlier run tells
_SAMPLE = 20
_MANY = 1_000_000
_EARLIER = 500  # outcomes of an earlier run that are looked at
_CHARACTERS = 4.0  # of a token, in English prose


@dataclass(frozen=True, slots=True)
class Part:
    """Calls of one kind: the task's, or those of one evaluator, of which at least one is made for each output.
    `nano` is what all of them may cost, None where it is not known, and `why` says from what it was told."""

    name: str
    calls: int
    kept: int
    nano: int | None
    why: str


@dataclass(frozen=True, slots=True)
class Estimate:
    """`outcomes` are cases times trials. `foreseen` is what so many cases can tell of each evaluator: the width of its
    interval, and the least change that a comparison finds. `notes` are what else is known
    now, as a baseline that is not there."""

    outcomes: int
    parts: list[Part] = field(default_factory=list)
    foreseen: list[Foreseen] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def nano(self) -> int | None:
        """What the run may cost in nano-USD; None where some part is not known."""
        known = [part.nano for part in self.parts if part.nano is not None]
        return sum(known) if len(known) == len(self.parts) else None


class _Probed(Cancelled):
    """What a task or an evaluator is about to ask is known: it goes no further."""


class _Silent:
    """A recorder of nothing: nothing happens."""

    def record(self, record: Span | Reservation | Progress) -> None:
        return None


@dataclass(slots=True)
class _Probe:
    """A Chat that takes down the first request and answers nothing."""

    asked: ChatRequest | None = None

    async def __call__(self, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        self.asked = request
        nothing: tuple[ChatChunk, ...] = ()
        for chunk in nothing:
            yield chunk
        raise _Probed("Only what would be asked was wanted.")


async def estimate(rooms: Rooms, project: str, prepared: Prepared) -> Estimate:
    """The estimate for a new run. Asks nobody. Blocks on the database."""
    suite = prepared.suite
    earlier = _earlier(rooms, project, prepared)
    parts = []
    if isinstance(prepared.subject, ModelSubject):
        parts.append(await _of_task(rooms, project, prepared, prepared.subject, earlier))
    elif suite.task.python is not None:
        costs = [one.case.cost_nano for one in earlier if one.error is None]
        outcomes = len(prepared.cases) * suite.trials
        why = _told(len(costs)) if costs else "what a function asks is not known before it ran once"
        parts.append(Part(suite.task.python, outcomes, 0, _scaled(costs, outcomes), why))
    for evaluator in prepared.evaluators:
        named = getattr(evaluator, "model", None) or isinstance(evaluator, Jury)
        if "judge" in evaluator.needs and (suite.judge or named):
            parts.append(await _of_judge(rooms, prepared, evaluator, earlier))
    before = _of_run(rooms, project, prepared.baseline) if prepared.baseline is not None else earlier
    told = {verdict.evaluator for outcome in before for verdict in outcome.verdicts}
    names = [one.name for one in prepared.evaluators if one.name in told or not one.lower_is_better]
    return Estimate(
        len(prepared.cases) * suite.trials, parts, foresee(len(prepared.cases), names, before), prepared.notes
    )


async def _of_task(
    rooms: Rooms, project: str, prepared: Prepared, subject: ModelSubject, earlier: Sequence[Outcome]
) -> Part:
    suite, keys, asked = prepared.suite, Keys(rooms.fingerprint), list[tuple[str, ChatRequest]]()
    for case in prepared.cases:
        for trial in range(suite.trials):
            turn = Turn(trace_id="", trial=trial, source=source_of(case))
            if (request := await _first_of_task(subject, case, turn)) is not None:
                asked.append((await keys.of(turn, request), request))
    known = set[str]() if prepared.fresh else EvalAnswers(rooms.store).known(project, {key for key, _ in asked})
    left = [request for key, request in asked if key not in known]
    costs = [one.case.cost_nano for one in earlier if one.error is None]
    if costs or not left:
        nano = _scaled(costs, len(left)) if left else 0
        return Part(
            subject.model, len(left), len(asked) - len(left), nano, _told(len(costs)) if left else "all is kept"
        )
    nano, why = await _priced(rooms, subject.model, left, suite.answer_tokens or USUAL_ANSWER)
    return Part(subject.model, len(left), len(asked) - len(left), nano, why)


async def _of_judge(rooms: Rooms, prepared: Prepared, evaluator: Evaluator, earlier: Sequence[Outcome]) -> Part:
    suite = prepared.suite
    outcomes = len(prepared.cases) * suite.trials
    costs = [v.cost_nano for one in earlier for v in one.verdicts if v.evaluator == evaluator.name]
    if costs:
        return Part(evaluator.name, outcomes, 0, _scaled(costs, outcomes), _told(len(costs)))
    judges: Sequence[Evaluator] = [*evaluator.jurors.values()] if isinstance(evaluator, Jury) else [evaluator]
    asked = [found for one in judges if (found := await _first_of_judge(rooms, prepared, one))]
    if not asked:
        return Part(evaluator.name, 0, 0, 0, "it asks nothing about these cases")
    told = [(await _priced(rooms, found[0].model, found, USUAL_ANSWER), len(found)) for found in asked]
    shares = [None if nano is None else round(nano / count * outcomes) for (nano, _), count in told]
    known = [share for share in shares if share is not None]
    why = "; ".join(dict.fromkeys(why for (nano, why), _ in told if nano is None or len(known) == len(shares)))
    return Part(
        evaluator.name, outcomes * len(asked), 0, sum(known) if len(known) == len(shares) else None,
        f"{why}; the first question about each output only",
    )  # fmt: skip


async def _first_of_judge(rooms: Rooms, prepared: Prepared, evaluator: Evaluator) -> list[ChatRequest]:
    """What it would ask first about the outputs of some cases."""
    suite, found = prepared.suite, list[ChatRequest]()
    for case in _spread(prepared.cases):
        probe, words = _Probe(), "word " * (suite.answer_tokens or USUAL_ANSWER)
        models = Models(make_call=lambda: Call(_Silent()), chat=probe, judge=suite.judge, encode=rooms.encode)
        with suppress(PilothouseError):
            await evaluator.evaluate(msgspec.structs.replace(case, output=case.output or words), models)
        if probe.asked is not None:
            found.append(probe.asked)
    return found


async def _first_of_task(subject: ModelSubject, case: Case, turn: Turn) -> ChatRequest | None:
    probe = _Probe()
    with suppress(PilothouseError, TaskFailed):
        await subject.run(case, Asking(probe, Call(_Silent())), turn)
    return probe.asked


async def _priced(rooms: Rooms, model: str, requests: Sequence[ChatRequest], wrote: int) -> tuple[int | None, str]:
    """What these requests cost at `wrote` tokens an answer, and from what that was told."""
    at_all = await rooms.price(model, _MANY, _MANY)
    if not at_all:  # nothing needs to be counted, for which the encoder would have to be loaded
        return at_all, f"the price of '{model}' is not known" if at_all is None else f"'{model}' costs nothing"
    sample = [*_spread(requests)]
    texts = ["\n".join(text_of(message.get("content")) for message in one.messages) for one in sample]
    try:
        counted = await rooms.encode.count_tokens(texts) if rooms.encode is not None else None
        how = "counted prompts"
    except PilothouseError:
        counted = None
    if counted is None:
        counted, how = [round(len(text) / _CHARACTERS) for text in texts], "prompts by their length"
    read = round(fmean(counted))
    nano = await rooms.price(model, read, wrote)
    if nano is None:
        return None, f"the price of '{model}' is not known"
    return nano * len(requests), f"{how} ({read} tokens) and answers of {wrote} tokens at most prices"


def _earlier(rooms: Rooms, project: str, prepared: Prepared) -> list[Outcome]:
    """Some of what the newest finished run of the suite found, of the same models."""
    for run in rooms.runs.list(project, suite=prepared.suite.suite, limit=20).runs:
        if run.status == "done" and run.subject.get("versions") == prepared.versions:
            return _of_run(rooms, project, run)
    return []


def _of_run(rooms: Rooms, project: str, run: Run) -> list[Outcome]:
    return rooms.runs.outcomes(project, run.id, limit=_EARLIER).outcomes


def _spread(items: Sequence[T]) -> Iterable[T]:
    return islice(items, 0, None, max(1, len(items) // _SAMPLE))


def _scaled(costs: Sequence[int | None], count: int) -> int | None:
    """The mean of what is known, times `count`."""
    known = [cost for cost in costs if cost is not None]
    return round(fmean(known) * count) if len(known) == len(costs) and known else None


def _told(count: int) -> str:
    return f"what {count} of an earlier run cost"
