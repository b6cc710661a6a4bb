"""What a run is going to ask and pay, before anything is asked: less what is kept, by what earlier runs of the suite
cost where there are any, else by counted prompts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from statistics import fmean
from typing import TypeVar

import msgspec

from pilothouse.cases import Case, Outcome
from pilothouse.errors import PilothouseError
from pilothouse.evals.judges.jury import Jury
from pilothouse.evals.reports.foreseen import Foreseen, foresee
from pilothouse.evals.runs.prepare import Prepared
from pilothouse.evals.runs.probing import first_of_task, judged_before, made_before, probed
from pilothouse.evals.runs.remembered import Keys
from pilothouse.evals.runs.rooms import Rooms
from pilothouse.evals.runs.subject import ModelSubject
from pilothouse.evals.runs.turns import Turn
from pilothouse.evals.shapes import Evaluator
from pilothouse.evals.values import written
from pilothouse.storage.evaluating.eval_answers import EvalAnswers
from pilothouse.storage.evaluating.eval_outcomes import source_of
from pilothouse.storage.evaluating.eval_runs import Run
from pilothouse.types import ChatRequest, text_of

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
    made = list[tuple[Case, int]]()
    if any("judge" in one.needs for one in prepared.evaluators):
        made = await made_before(rooms, project, prepared)
    for evaluator in prepared.evaluators:
        named = getattr(evaluator, "model", None) or isinstance(evaluator, Jury)
        if "judge" in evaluator.needs and (suite.judge or named):
            parts.append(await _of_judge(rooms, project, prepared, evaluator, earlier, made))
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
            if (request := await first_of_task(subject, case, turn)) is not None:
                asked.append((await keys.of(turn, request), request))
    known = set[str]() if prepared.fresh else EvalAnswers(rooms.store).known(project, {key for key, _ in asked})
    left = [request for key, request in asked if key not in known]
    costs = [one.case.cost_nano for one in earlier if one.error is None]
    if costs or not left:
        nano = _scaled(costs, len(left)) if left else 0
        return Part(
            subject.model, len(left), len(asked) - len(left), nano, _told(len(costs)) if left else "all is kept"
        )
    nano, why = await _priced(rooms, subject.model, left, suite.answer_tokens or USUAL_ANSWER, subject.wording)
    return Part(subject.model, len(left), len(asked) - len(left), nano, why)


async def _of_judge(
    rooms: Rooms, project: str, prepared: Prepared, evaluator: Evaluator, earlier: Sequence[Outcome],
    made: Sequence[tuple[Case, int]],
) -> Part:  # fmt: skip
    kept = 0 if isinstance(evaluator, Jury) else await judged_before(rooms, project, prepared, evaluator, made)
    outcomes = len(prepared.cases) * prepared.suite.trials - kept
    if kept and not outcomes:
        return Part(evaluator.name, 0, kept, 0, "all is kept")
    costs = [v.cost_nano for one in earlier for v in one.verdicts if v.evaluator == evaluator.name]
    if costs:
        return Part(evaluator.name, outcomes, kept, _scaled(costs, outcomes), _told(len(costs)))
    judges: Sequence[Evaluator] = [*evaluator.jurors.values()] if isinstance(evaluator, Jury) else [evaluator]
    asked = [found for one in judges if (found := await _first_of_judge(rooms, prepared, one))]
    if not asked:
        return Part(evaluator.name, 0, kept, 0, "it asks nothing about these cases")
    told = [(await _priced(rooms, found[0].model, found, USUAL_ANSWER), len(found)) for found in asked]
    shares = [None if nano is None else round(nano / count * outcomes) for (nano, _), count in told]
    known = [share for share in shares if share is not None]
    why = "; ".join(dict.fromkeys(why for (nano, why), _ in told if nano is None or len(known) == len(shares)))
    return Part(
        evaluator.name, outcomes * len(asked), kept, sum(known) if len(known) == len(shares) else None,
        f"{why}; the first question about each output only",
    )  # fmt: skip


async def _first_of_judge(rooms: Rooms, prepared: Prepared, evaluator: Evaluator) -> list[ChatRequest]:
    """What it would ask first about the outputs of some cases."""
    suite, found = prepared.suite, list[ChatRequest]()
    for case in _spread(prepared.cases):
        words = "word " * (suite.answer_tokens or USUAL_ANSWER)
        shown = msgspec.structs.replace(case, output=case.output or words)
        probe = await probed(evaluator, shown, suite.judge, rooms.encode)
        if probe.asked is not None:
            found.append(probe.asked)
    return found


async def _priced(
    rooms: Rooms, model: str, requests: Sequence[ChatRequest], wrote: int, wording: str = ""
) -> tuple[int | None, str]:  # fmt: skip
    """What these requests, with `wording` beside each, cost at `wrote` tokens an answer, and from what it was told."""
    at_all = await rooms.price(model, _MANY, _MANY)
    if not at_all:  # nothing needs to be counted, for which the encoder would have to be loaded
        return at_all, f"the price of '{model}' is not known" if at_all is None else f"'{model}' costs nothing"
    sample = [*_spread(requests)]
    texts = [_said(one, wording) for one in sample]
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


def _said(request: ChatRequest, wording: str) -> str:
    """All that a model is going to read, about."""
    texts = [text_of(message.get("content")) for message in request.messages]
    prompt = request.body.get("prompt")
    given = prompt["variables"].values() if isinstance(prompt, dict) else ()
    return "\n".join([*filter(None, [wording]), *map(written, given), *texts])


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
