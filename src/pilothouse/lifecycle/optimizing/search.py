"""Looks for a better version of a prompt: few-shot examples that cover the cases, templates that a model writes anew.

Proposals are chosen on train cases; the best one is then held against the version that there is on cases that nothing
was chosen on, so that the interval told is of those alone. It is kept as a version without a label; none is promoted.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from pilothouse.access.audit import Actor
from pilothouse.cases import Case, Outcome
from pilothouse.errors import Cancelled, ConfigError, InvalidRequest, PilothouseError
from pilothouse.evals.datasets.near import normalised
from pilothouse.evals.reports.compare import Change, compare
from pilothouse.evals.reports.figures import figure, interval, signed
from pilothouse.evals.runs.evaluate import work
from pilothouse.evals.runs.prepare import Given, created, prepare
from pilothouse.evals.runs.prompted import variables_for
from pilothouse.evals.runs.rooms import Rooms
from pilothouse.evals.runs.runner import Heard, Runner
from pilothouse.evals.values import written
from pilothouse.lifecycle.optimizing.asking import Purse, Spent, ask
from pilothouse.lifecycle.optimizing.covering import covering
from pilothouse.lifecycle.optimizing.drafts import draft_subject
from pilothouse.lifecycle.optimizing.order import OptimizeOrder
from pilothouse.lifecycle.optimizing.rewriting import Failing, Refused, asked, rewritten
from pilothouse.lifecycle.optimizing.start import start_of
from pilothouse.lifecycle.optimizing.told import Optimized, Proposal
from pilothouse.prompts.content import Content, Example
from pilothouse.prompts.fetching import fetch_of
from pilothouse.prompts.registry import Prompts
from pilothouse.prompts.templates.checking import variables_of
from pilothouse.prompts.templates.rendering import EXAMPLES
from pilothouse.prompts.templates.rendering import prepare as read
from pilothouse.prompts.versions import Version
from pilothouse.types import Json

__all__ = ["Optimizer"]

_SHOWN = 8  # failing cases that a model is shown at once
_LONGEST = 4_000  # characters of a case that becomes an example
_LOOK = 1.0  # seconds between looks at whether it was called off, while a model writes
_HARD = 4.0  # how much a failing case counts where examples are chosen for those
_RESERVE = 1.25  # of what the held-out cases would cost as the train cases did


@dataclass(frozen=True, slots=True)
class _Tried:
    """A content with what it came to. `examples` are the ids of the cases that it holds as examples."""

    how: str
    content: Content
    outcomes: list[Outcome]
    lower: list[str]
    run_id: str
    examples: frozenset[str] = frozenset()
    gain: float = 0.0


class Optimizer:
    """One search, on behalf of `by`. `heard` is told of cases done, and may raise Cancelled to end it."""

    def __init__(
        self, rooms: Rooms, prompts: Prompts, project: str, name: str, order: OptimizeOrder, by: Actor, *,
        heard: Heard = lambda done, total, nano: None,
    ) -> None:  # fmt: skip
        self._rooms, self._prompts, self._project = rooms, prompts, project
        self._name, self._order, self._by = name, order, by
        self._heard = heard
        self._purse = Purse(int(order.max_cost_usd * 1_000_000_000))
        self._done = self._total = 0
        self._proposals: list[Proposal] = []
        self._notes: list[str] = []

    async def run(self) -> Optimized:
        """Search, measure, keep the best. Raises NotFound, InvalidRequest and ConfigError before anything is asked."""
        start = await asyncio.to_thread(
            start_of, self._rooms.store, self._prompts, self._project, self._name, self._order
        )
        await self._check_writer()
        version, train, held = start.version, start.sides.train, start.sides.held
        self._notes += start.sides.notes
        rounds = 1 + 2 * bool(self._order.examples) + self._order.rewrites * bool(self._order.rewrite_model)
        self._total = rounds * len(train) + 2 * len(held)
        about = Optimized(
            prompt=self._name, source=version.number, dataset=start.dataset, metric=self._order.measured,
            train=len(train), held_out=len(held), verdict="none", why="",
        )  # fmt: skip
        try:
            told = await self._searched(about, version, train, held)
        except Spent as spent:
            told = _why(about, f"No better version was found: {spent}")
        self._heard(self._done, self._done, self._purse.spent)
        return msgspec.structs.replace(
            told, proposals=tuple(self._proposals), notes=tuple(self._notes), cost_usd=self._purse.usd
        )

    async def _check_writer(self) -> None:
        if self._order.rewrite_model is not None:
            try:
                await self._rooms.fingerprint(self._order.rewrite_model)
            except PilothouseError as error:
                raise InvalidRequest(f"rewrite_model: {error.message}", param="rewrite_model") from None

    async def _searched(
        self, about: Optimized, version: Version, train: Sequence[Case], held: Sequence[Case]
    ) -> Optimized:
        base = await self._measured("as it is", version.content, train)
        if (untold := self._untold(base)) is not None:
            return _why(about, f"No better version was looked for: {untold}")
        self._purse.reserved = int(_RESERVE * 2 * len(held) * self._purse.spent / len(train))
        tried = await self._tried(version.content, base, train)
        self._purse.reserved = 0
        best = max(tried, key=lambda one: one.gain, default=base)
        if best.gain <= 0:
            measured = any(one.after is not None for one in self._proposals)
            told = "no proposal did better on the train cases" if measured else "no proposal was measured"
            return _why(about, f"No better version was found: {told}.")
        before = await self._measured("as it is", version.content, held)
        change = self._change(before, await self._measured(best.how, best.content, held))
        if change is None or change.gain <= 0:
            shown = "nothing could be compared" if change is None else _shown(change)
            why = f"No better version was found: on the held-out cases the best proposal is not ahead ({shown})."
            return msgspec.structs.replace(about, why=why, change=change)
        message = f"{_sentence(best.how)}, from {version.reference}, on {about.dataset}. Held out: {_shown(change)}."
        kept = await asyncio.to_thread(
            self._prompts.create, self._project, self._name, best.content, by=self._by, message=message[:2000]
        )
        apart = change.low is not None and change.high is not None and (change.low > 0 or change.high < 0)
        sure = apart and change.verdict == "better"  # of few cases the interval alone says too much
        ahead = "better beyond chance" if sure else "ahead, but chance alone would do as much"
        why = f"{_sentence(best.how)}: {ahead} on the held-out cases ({_shown(change)})."
        verdict = "better" if sure else "unsure"
        return msgspec.structs.replace(about, why=why, verdict=verdict, version=kept.number, change=change)

    # ---- proposals

    async def _tried(self, content: Content, base: _Tried, train: Sequence[Case]) -> list[_Tried]:
        """Every proposal with what it came to. What the money does not reach is left out."""
        tried: list[_Tried] = []
        try:
            failing = self._failing(base)
            if not failing:
                self._notes.append("Every train case that could be told is answered as it should be.")
                return []
            for how, made, used in await self._few_shot(content, train, {one.case.id for one in failing}):
                tried.append(await self._against(base, how, made, train, used))
            best = max(tried, key=lambda one: one.gain, default=base)
            for number in range(self._order.rewrites if self._order.rewrite_model else 0):
                how = f"written anew by {self._order.rewrite_model} ({number + 1})"
                written_anew = await self._rewritten(how, content, failing[number :: self._order.rewrites])
                if written_anew is None:
                    continue
                one = await self._against(base, how, written_anew, train)
                tried.append(one)
                if one.gain > 0 and best.gain > 0:
                    both = written_anew.model_copy(update={"examples": best.content.examples})
                    tried.append(await self._against(base, f"{how}, with {best.how}", both, train, best.examples))
        except Spent as spent:
            self._notes.append(f"Not all was tried: {spent}")
        return tried

    def _untold(self, base: _Tried) -> str | None:
        """Why nothing can be told of the version as it is; None where something can."""
        why = "there is no outcome."
        for outcome in base.outcomes:
            if outcome.error is not None:
                why = outcome.error
            for verdict in outcome.verdicts:
                if verdict.evaluator == self._order.measured:
                    if verdict.status == "ok":
                        return None
                    why = verdict.explanation
        return f"{self._order.measured} could be told of no train case. {why}"

    def _failing(self, base: _Tried) -> list[Outcome]:
        """The outcomes that are not as they should be, the worst first."""
        lower, metric, found = self._order.measured in base.lower, self._order.measured, []
        for outcome in base.outcomes:
            for verdict in outcome.verdicts:
                if verdict.evaluator == metric and verdict.status == "ok":
                    score = float(verdict.passed or 0) if verdict.score is None else verdict.score
                    if verdict.passed is False or (verdict.passed is None and (lower or score < 1)):
                        found.append((score if not lower else -score, outcome))
        return [outcome for _, outcome in sorted(found, key=lambda pair: pair[0])]

    async def _few_shot(
        self, content: Content, train: Sequence[Case], failing: set[str]
    ) -> list[tuple[str, Content, frozenset[str]]]:
        """Contents with examples that cover all train cases, and with such that cover the failing ones first."""
        if EXAMPLES in content.variables or any(one.name == EXAMPLES for one in variables_of(content)):
            self._notes.append(f"No examples were proposed: '{EXAMPLES}' is a variable of this prompt.")
            return []
        examples = {case.id: one for case in train if (one := _example(case, content)) is not None}
        pool = [i for i, case in enumerate(train) if case.id in examples]
        count = min(self._order.examples, len(pool) // 2)
        if count < 1:
            if self._order.examples:
                self._notes.append("No examples were proposed: too few train cases have an expected answer of a text.")
            return []
        if self._rooms.encode is None:
            raise ConfigError("Examples are chosen with the embedded encoder, which is not here.", param="examples")
        vectors = await self._rooms.encode([written(case.input)[:_LONGEST] for case in train])
        hard = [_HARD if case.id in failing else 1.0 for case in train]
        made, seen = [], set[frozenset[str]]()
        for told, weights in (("covering the train cases", None), ("covering the failing cases", hard)):
            ids = [train[i].id for i in covering(vectors, count, weights, pool)]
            if frozenset(ids) not in seen:
                seen.add(frozenset(ids))
                more = content.model_copy(update={"examples": [examples[one] for one in ids]})
                made.append((f"{len(ids)} examples {told}", more, frozenset(ids)))
        return made

    async def _rewritten(self, how: str, content: Content, failing: Sequence[Outcome]) -> Content | None:
        assert self._order.rewrite_model is not None
        if not failing:
            self._proposals.append(Proposal(how=how, refused="the others were shown all cases that fail"))
            return None
        shown = [_shown_case(outcome) for outcome in failing[:_SHOWN]]
        try:
            made = rewritten(content, await self._written(self._order.rewrite_model, asked(content, shown)))
            if any(one.hash == made.hash for one in self._proposals):
                raise Refused("another proposal is the same")
            return made
        except Refused as refused:
            self._proposals.append(Proposal(how=how, refused=str(refused)))
        except PilothouseError as error:
            self._proposals.append(Proposal(how=how, refused=f"the model failed: {error.message}"))
        return None

    async def _written(self, model: str, messages: Sequence[Json]) -> str:
        """What the model answers; asked meanwhile is whether the search goes on."""
        asking = asyncio.ensure_future(ask(self._rooms, self._project, self._purse, model, messages))
        try:
            while not (await asyncio.wait([asking], timeout=_LOOK))[0]:
                self._heard(self._done, self._total, self._purse.spent)
            return asking.result()
        finally:
            asking.cancel()

    # ---- measuring

    async def _against(
        self, base: _Tried, how: str, content: Content, train: Sequence[Case], examples: frozenset[str] = frozenset()
    ) -> _Tried:
        """A proposal measured on the train cases, but for those that it shows the answers of."""
        shown = {normalised(case.input) for case in train if case.id in examples}
        rest = [case for case in train if normalised(case.input) not in shown]
        made = await self._measured(how, content, rest)
        ids = {case.id for case in rest}
        same = replace(base, outcomes=[one for one in base.outcomes if one.case.id in ids])
        change = self._change(same, made)
        told = Proposal(how=how, hash=content.hash, run_id=made.run_id)
        if change is None:
            told = msgspec.structs.replace(told, refused=self._untold(made) or "nothing could be compared")
        else:
            told = msgspec.structs.replace(told, n=change.n, before=change.before, after=change.after)
        self._proposals.append(told)
        return replace(made, examples=examples, gain=0.0 if change is None else change.gain)

    def _change(self, before: _Tried, after: _Tried) -> Change | None:
        return compare(before.outcomes, after.outcomes, lower_is_better=after.lower).metrics.get(self._order.measured)

    async def _measured(self, how: str, content: Content, cases: Sequence[Case]) -> _Tried:
        """A run over these cases. Raises Spent where it did not come to its end."""
        rooms, project, model = self._rooms, self._project, self._order.model or content.model
        assert model is not None
        suite = self._order.suite(self._name, model, self._purse.left_usd)
        draft = await asyncio.to_thread(read, content, fetch=fetch_of(self._prompts, project))
        prepared = await prepare(rooms, project, suite, Given(cases=cases))
        prepared = replace(prepared, subject=draft_subject(draft, model))
        about = {"prompt": self._name, "proposal": how[:200], "hash": content.hash}
        run = await asyncio.to_thread(created, rooms.runs, project, prepared, None, about)
        start, spent, runners = self._done, self._purse.spent, list[Runner]()

        def heard(done: int, total: int, nano: int) -> None:
            try:
                self._heard(start + done, max(self._total, start + total), spent + nano)
            except Cancelled as error:
                runners[0].halt("cancelled", error.message)

        run = (await work(rooms, project, run, prepared, heard=heard, started=runners.append)).run
        self._done += len(cases)
        self._purse.pay(run.cost_nano)
        if run.status == "cancelled":
            raise Cancelled(run.error or "The search was called off.")
        if run.status != "done":
            raise Spent(f"the run {run.id} ended early: {run.error or run.status}")
        outcomes = await asyncio.to_thread(lambda: [*rooms.runs.each(project, run.id)])
        return _Tried(how, content, outcomes, [one.name for one in prepared.evaluators if one.lower_is_better], run.id)


def _example(case: Case, content: Content) -> Example | None:
    """The case as an example; None where it has no expected answer, or is too long."""
    answer = written(case.expected)
    try:
        variables = variables_for(case.input, content)
    except ValueError:
        return None
    if not answer.strip() or len(answer) + len(written(variables)) > _LONGEST:
        return None
    return Example(input=variables, output=answer)


def _shown_case(outcome: Outcome) -> Failing:
    said = "; ".join(f"{one.evaluator}: {one.explanation}" for one in outcome.verdicts if one.explanation)
    return Failing(outcome.case.input, outcome.case.expected, outcome.case.output, said)


def _shown(change: Change) -> str:
    both = f"{change.name} {figure(change.before)} → {figure(change.after)} over {change.n} cases"
    return f"{both}, {signed(change.difference)}, 95 % {interval(change.low, change.high)}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _why(about: Optimized, why: str) -> Optimized:
    return msgspec.structs.replace(about, why=why)
