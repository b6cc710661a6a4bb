"""Judges the sampled traces that are due, in one process of all that share a database, and writes what was said of them
as scores.

A score has an id made of project, trace, rule and evaluator, so that nothing is judged or counted twice. What could not
be told is no score: it is counted, with its reason. Knows nothing of how traces came into the queue.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from pilothouse.access.budgets import Budgets
from pilothouse.call import Call, Recorder
from pilothouse.cases import Case, Verdict
from pilothouse.errors import BudgetExceeded, Cancelled, NotFound, StorageError
from pilothouse.evals.judges.asking import STOPPING
from pilothouse.evals.shapes import Evaluator, Models
from pilothouse.evals.traced import NOT_KEPT, case_of
from pilothouse.ids import content_hash, new_id
from pilothouse.lifecycle.paying import Payers
from pilothouse.lifecycle.scoring.queue import Queue, Waiting
from pilothouse.lifecycle.scoring.rules import Ready, Rules
from pilothouse.lifecycle.scoring.sampling import Marked, fits, is_evaluation
from pilothouse.lifecycle.scoring.tallies import Outcome, Tallies
from pilothouse.observe.scores import Score, ScoresSought
from pilothouse.observe.traces import Traces
from pilothouse.protocols import Chat, Encode
from pilothouse.storage.turns import Turn

__all__ = ["Scorer", "Tools", "purpose_of", "score_id"]

_OFTEN, _SOON, _BEAT = 2.0, 0.25, 15.0  # seconds: between looks, while traces wait, and between two takes of the turn
_HELD = 600.0  # seconds a rule rests after what hinders all traces alike
_BACKOFF = 30.0  # seconds, doubled with each try
_TRIES = 3
_MOST_WAITING = 20_000
_OLDEST_US = 86_400_000_000
_DAY_US = 86_400_000_000
_CLEANED_US = 3_600_000_000
_COMMENT = 2000
_QUOTES = (" Its last one: ", " to judge: ")
_log = logging.getLogger(__name__)


def purpose_of(rule: str) -> str:
    """What a rule's account is called."""
    return f"online/{rule}"


def score_id(project: str, trace_id: str, rule: str, evaluator: str) -> str:
    """The same for the same, always."""
    return f"online_{content_hash([project, trace_id, rule, evaluator])}"


@dataclass(frozen=True, slots=True)
class Tools:
    """What evaluators work with: the gateway's chat, the encoder, where spans are recorded, and who pays."""

    chat: Chat
    encode: Encode | None
    recorder: Recorder
    budgets: Budgets
    payers: Payers


class Scorer:
    """`run` for as long as the process serves."""

    def __init__(
        self, traces: Traces, rules: Rules, queue: Queue, tallies: Tallies, tools: Tools, turn: Turn,
        clock: Callable[[], int],
    ) -> None:  # fmt: skip
        self._traces = traces
        self._rules = rules
        self._queue = queue
        self._tallies = tallies
        self._tools = tools
        self._turn = turn
        self._clock = clock
        self._clean_us = 0

    async def run(self) -> None:
        """Never ends by itself."""

        async def work() -> float:
            return _SOON if self._rules.on() and await self.tick() else _OFTEN

        await self._turn.serve(work, again=_OFTEN, failing="Traces are not scored", logger=_log)

    async def tick(self) -> int:
        """Everything that is due and may begin now; of how many traces. None where another process is at it."""
        if not await asyncio.to_thread(self._turn.take):
            return 0
        ready = self._rules.ready()
        if self._clock() >= self._clean_us:
            self._clean_us = self._clock() + _CLEANED_US
            await asyncio.to_thread(self._queue.forget, [one.name for one in ready])
            await asyncio.to_thread(self._tallies.forget)
        tasks = [asyncio.ensure_future(self._follow(one)) for one in ready]
        try:
            while (await asyncio.wait(tasks, timeout=_BEAT))[1] if tasks else ():
                await asyncio.to_thread(self._turn.take)
            return sum([task.result() for task in tasks])
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, ready: Ready) -> int:
        """What is due of one rule."""
        rule = ready.rule
        for one in await asyncio.to_thread(self._queue.drop_beyond, ready.name, _MOST_WAITING):
            await self._count(one, "", "dropped", f"More than {_MOST_WAITING:,} traces wait: the oldest were given up.")
        if self._clock() < ready.held_until_us:
            return 0
        due = await asyncio.to_thread(self._queue.due, ready.name, min(ready.pace.left, 4 * rule.concurrency))
        places, payers = asyncio.Semaphore(rule.concurrency), set[str]()

        async def each(one: Waiting) -> None:
            async with places:
                if self._clock() >= ready.held_until_us:
                    await self._score(one, ready, payers)

        try:
            async with asyncio.TaskGroup() as group:
                for one in due:
                    group.create_task(each(one))
        except ExceptionGroup as several:
            raise several.exceptions[0] from None
        return len(due)

    async def _score(self, one: Waiting, ready: Ready, payers: set[str]) -> None:
        try:
            case = await asyncio.to_thread(self._case, one, ready)
        except NotFound:
            case = None
        if isinstance(case, str):
            await self._count(one, "", "skipped", case)
        elif case is not None:
            ready.pace.take()
            if self._clock() - one.first_us > _OLDEST_US:
                await self._count(one, "", "dropped", "It waited for more than a day.")
            elif not await self._judge(one, case, ready, payers):
                return
        await asyncio.to_thread(self._queue.done, one)

    def _case(self, one: Waiting, ready: Ready) -> Case | str | None:
        """The case; why there is none, in a sentence; None where the trace is none of the rule's. Raises NotFound."""
        key = ready.rule.key
        if key is not None and self._tools.payers.project_of(key) not in (None, one.project_id):
            return None
        trace = self._traces.get(one.trace_id, one.project_id)
        if is_evaluation(trace.spans) or not fits(ready.rule.when, one.project_id, trace.spans):
            return None
        if trace.root.status != "ok":
            return f"The request failed ({trace.root.error_code or trace.root.status})."
        return case_of(trace) or NOT_KEPT

    async def _judge(self, one: Waiting, case: Case, ready: Ready, payers: set[str]) -> bool:
        """Whether all that the rule asks was told, or cannot be."""
        try:
            models = await self._models(one, ready, payers)
            for evaluator in await asyncio.to_thread(self._left, one, ready):
                if "judge" in evaluator.needs and ready.spent_day == self._clock() // _DAY_US:
                    await self._count(one, evaluator.name, "over_budget")
                elif not await self._ask(one, case, ready, evaluator, models):
                    return False
        except (StorageError, Cancelled):
            raise
        except STOPPING as error:
            await self._hold(one, ready, error.message)
            return False
        return True

    async def _ask(self, one: Waiting, case: Case, ready: Ready, evaluator: Evaluator, models: Models) -> bool:
        try:
            verdict = await evaluator.evaluate(case, models)
        except BudgetExceeded as error:
            if error.retry_after is not None:  # what runs now holds the rest
                await asyncio.to_thread(self._queue.again, one, error.retry_after, one.tries)
                return False
            ready.spent_day = self._clock() // _DAY_US
            await self._count(one, evaluator.name, "over_budget", error.message)
            return True
        except STOPPING:
            raise
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and hurts nobody else
            await self._count(one, evaluator.name, "failed", f"The evaluator broke off: {error!r}")
            return True
        if verdict.status == "ok":
            await asyncio.to_thread(self._write, one, ready, verdict)
            note = "" if verdict.cost_nano is not None else "What its judge cost is not known: its model has no price."
            await self._count(one, evaluator.name, "scored", note)
        elif verdict.status == "failed" and verdict.detail.get("retryable") and one.tries + 1 < _TRIES:
            await asyncio.to_thread(self._queue.again, one, _BACKOFF * 2**one.tries, one.tries + 1)
            return False
        else:
            await self._count(one, evaluator.name, verdict.status, _reason(verdict))
        return True

    async def _models(self, one: Waiting, ready: Ready, payers: set[str]) -> Models:
        """Who pays is found anew for each, since keys and budgets change; the ledger is read once a round."""
        rule, tools = ready.rule, self._tools
        principal = tools.payers.principal(one.project_id, purpose_of(ready.name), rule.usd_per_day, rule.key)

        def call() -> Call:
            made = new_id()
            return Call(
                Marked(tools.recorder, f"online/{ready.name}"), principal, one.project_id, made,
                request_id=f"eval_{made}", key_id=principal.key_id or None,
            )  # fmt: skip

        if one.project_id not in payers:
            payers.add(one.project_id)
            await tools.budgets.renew(call())
        return Models(make_call=call, chat=tools.chat, judge=rule.judge, encode=tools.encode)

    async def _hold(self, one: Waiting, ready: Ready, why: str) -> None:
        """Let the rule rest: no other trace would fare better."""
        first, ready.held_until_us = self._clock() >= ready.held_until_us, self._clock() + int(_HELD * 1e6)
        if first:
            _log.warning("The rule '%s' of online scoring rests for ten minutes: %s", ready.name, why)
            await self._count(one, "", "stopped", why)
        await asyncio.to_thread(self._queue.again, one, _HELD, one.tries)

    def _left(self, one: Waiting, ready: Ready) -> list[Evaluator]:
        """The evaluators whose scores are not there yet."""
        ids = {score_id(one.project_id, one.trace_id, ready.name, e.name): e for e in ready.evaluators}
        found = self._traces.scores.page(one.project_id, ScoresSought(id=list(ids)), len(ids))
        there = {score.id for score, _ in found}
        return [evaluator for identifier, evaluator in ids.items() if identifier not in there]

    def _write(self, one: Waiting, ready: Ready, verdict: Verdict) -> None:
        with suppress(NotFound):  # deleted while it was judged
            self._traces.totals(one.trace_id, one.project_id)
            self._traces.scores.put(one.project_id, [self._made(one, ready, verdict)])

    def _made(self, one: Waiting, ready: Ready, verdict: Verdict) -> Score:
        numeric, told = verdict.score is not None, verdict.passed is not None
        value = verdict.score if numeric else float(verdict.passed) if told else None  # type: ignore[arg-type]
        about = {
            "rule": ready.name, "evaluator": ready.kinds.get(verdict.evaluator), "passed": verdict.passed,
            "spread": verdict.detail.get("spread"), "judge": verdict.detail.get("judge"),
            "judge_trace": verdict.trace_id, "cost_nano": verdict.cost_nano,
        }  # fmt: skip
        return Score(
            id=score_id(one.project_id, one.trace_id, ready.name, verdict.evaluator), name=verdict.evaluator,
            trace_id=one.trace_id, kind="numeric" if numeric else "boolean" if told else "categorical", value=value,
            label=verdict.label, comment=verdict.explanation[:_COMMENT] or None, source="evaluator",
            author=f"online/{ready.name}", metadata={k: v for k, v in about.items() if v is not None},
            at_us=self._clock(),
        )  # fmt: skip

    async def _count(self, one: Waiting, evaluator: str, outcome: Outcome, note: str = "") -> None:
        await asyncio.to_thread(self._tallies.add, one.project_id, one.rule, evaluator, outcome, note)


def _reason(verdict: Verdict) -> str:
    """Why there is no score, without the words of a judge, which may be those of people."""
    reason = verdict.explanation
    for quotes in _QUOTES:
        reason = reason.partition(quotes)[0]
    return reason
