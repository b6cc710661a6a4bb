"""A comparison from its order to its report: inputs, an estimate, two runs, and what differs.

Both sides are runs like any other, the one after with the one before as its baseline: they are kept, can be looked at
case by case, and what was answered is never paid for twice.
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Self

import msgspec

from pilothouse.cases import Case
from pilothouse.config import Config
from pilothouse.errors import ConfigError, NotFound, PilothouseError
from pilothouse.evals.reports.runs import RunReports
from pilothouse.evals.reports.told import Told
from pilothouse.evals.runs.estimate import Estimate, estimate
from pilothouse.evals.runs.evaluate import Ended, work
from pilothouse.evals.runs.prepare import Given, Prepared, prepare
from pilothouse.evals.runs.prompted import PromptSubject, prompt_subject
from pilothouse.evals.runs.rooms import Rooms, rooms_of
from pilothouse.evals.runs.runner import Heard, Runner
from pilothouse.evals.runs.suite import TaskSpec
from pilothouse.lifecycle.diff.asking import BESIDE, RECORDED, SideSubject, beside_rooms, priced_as_recorded
from pilothouse.lifecycle.diff.beside import Beside
from pilothouse.lifecycle.diff.inputs import Inputs, dataset_inputs, recorded_inputs
from pilothouse.lifecycle.diff.order import DiffOrder
from pilothouse.lifecycle.diff.sides import Prompt, Side
from pilothouse.principal import EMBEDDED, Principal
from pilothouse.storage.evaluating.eval_runs import Run

if TYPE_CHECKING:
    from pilothouse.app import Platform

__all__ = ["Diff", "Sided"]

_LONGEST_NAME = 200
_CACHES = "Caches were left aside: what was not answered before in an evaluation was asked for."


@dataclass(frozen=True, slots=True)
class Sided:
    """One side, ready to be asked, and what that may cost."""

    side: Side
    rooms: Rooms
    prepared: Prepared
    estimate: Estimate


class Diff:
    """One comparison on a platform, asked for by `principal`, whose policy, limits and budgets hold: `async with` it,
    `prepare`, then `run`. Blocks on the database at times."""

    def __init__(self, platform: "Platform", project: str, order: DiffOrder, principal: Principal = EMBEDDED) -> None:
        self._platform, self._project, self._order = platform, project, order
        self._principal = principal
        self._rooms = rooms_of(platform, project, principal)
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def prepare(self) -> tuple[Sided, Sided]:
        """Read the inputs, check both sides, and estimate what they cost. Asks nobody. Raises what is wrong with the
        order: ConfigError, InvalidRequest, NotFound."""
        self._inputs = self._read()
        cap = self._order.max_cost_usd
        self._before = await self._sided(self._order.before, cap, before=True)
        self._after = await self._sided(self._order.after, cap, before=False)
        return self._before, self._after

    async def run(
        self, heard: Heard = lambda done, total, nano: None, *, catch: bool = False,
        started: Callable[[Runner], object] = lambda runner: None,
    ) -> Told:  # fmt: skip
        """Ask both sides, one after the other, and tell what differs. Raises PilothouseError where one of them ends
        early: what was answered by then is kept, and the same order goes on from there."""
        total = 2 * self._before.estimate.outcomes
        half = total // 2
        before = await self._worked(
            self._before, None, lambda done, _, nano: heard(done, total, nano), catch, started
        )  # fmt: skip
        spent = before.run.cost_nano or 0
        left = self._order.max_cost_usd - Decimal(spent) / 10**9
        if left <= 0:
            raise PilothouseError(_over(self._before.side, f"it took all of ${self._order.max_cost_usd}"))
        suite = self._after.prepared.suite.model_copy(update={"max_cost_usd": left})
        written = replace(self._after.prepared.written, suite=suite)
        after = replace(self._after, prepared=replace(self._after.prepared, written=written))
        ended = await self._worked(
            after, before.run, lambda done, _, nano: heard(half + done, total, spent + nano), catch, started
        )  # fmt: skip
        return self._told(before.run, ended.run)

    # ---- parts

    def _read(self) -> Inputs:
        order, store = self._order, self._platform.store
        if order.recorded is not None:
            given = order.recorded
            return recorded_inputs(store, self._project, given.as_filters, limit=given.limit, seed=given.seed)
        assert order.dataset is not None
        return dataset_inputs(store, self._project, order.dataset, split=order.split, limit=order.limit)

    async def _sided(self, side: Side, cap: Decimal, *, before: bool) -> Sided:
        rooms = self._rooms
        if side.config is not None:
            config, number = self._config(side.config)
            beside = Beside(self._platform, config, number)
            self._open.push_async_callback(beside.aclose)
            other = rooms_of(
                self._platform, self._project, self._principal, gateway=beside.gateway, prices=beside.prices
            )
            rooms = beside_rooms(rooms, other, beside.gateway.runtime.snapshot.hash)
        written = self._order.written(cap, before=before)
        prepared = await prepare(rooms, self._project, written, Given(cases=self._cases(side)))
        if side.recorded:
            return Sided(side, rooms, prepared, await estimate(rooms, self._project, prepared))
        subject: SideSubject | PromptSubject = self._subject(side)
        if side.registered is not None:
            subject = await asyncio.to_thread(self._registered, side, side.registered, subject.model)
        for name in subject.asked():
            try:
                prepared.versions[name] = await rooms.fingerprint(name)
            except PilothouseError as error:
                raise ConfigError(f"{side.told}: {error.message}", param="model") from None
        if isinstance(subject, SideSubject) and subject.as_recorded:
            rooms = priced_as_recorded(rooms, subject)
        prepared = replace(prepared, subject=subject)
        return Sided(side, rooms, prepared, await estimate(rooms, self._project, prepared))

    def _cases(self, side: Side) -> list[Case]:
        """The cases; without the answers of then where a side answers by itself."""
        if side.recorded:
            return self._inputs.cases
        bare = {"output": "", "steps": (), "latency_s": None, "cost_nano": None, "trace_id": None}
        return [msgspec.structs.replace(case, **bare) for case in self._inputs.cases]

    def _config(self, given: int | Config) -> tuple[Config, int]:
        if isinstance(given, int):
            return self._platform.live.store.read(given).config, given
        return given, 0

    def _subject(self, side: Side) -> SideSubject:
        prompt, requests = side.prompt, self._inputs.requests
        asks = side.asks or self._order.model or (RECORDED if requests else None)
        if asks is None:
            config = self._platform.snapshot.config if side.config is None else self._config(side.config)[0]
            if "default" not in config.models:
                raise ConfigError(
                    f"{side.told}: which model is asked? Name one, as {side.told}+model:NAME, or with --ask NAME.",
                    param="model",
                )
            asks = "default"
        mark = BESIDE if side.config is not None else ""
        messages, params = (prompt.messages, prompt.params) if isinstance(prompt, Prompt) else (None, {})
        return SideSubject(f"{mark}{asks}", messages, params, requests, mark)

    def _registered(self, side: Side, reference: str, model: str) -> PromptSubject:
        """A version of the registry, asked of whom the side or the order names, else of its own model."""
        said = side.asks or self._order.model
        task = TaskSpec(prompt=reference, model=said)
        try:
            return prompt_subject(self._rooms.prompts, self._project, task)
        except NotFound as error:
            told = f"{side.told}: {error.message} Nor is there a file of that name."
            raise ConfigError(told, param="prompt") from None
        except ConfigError:
            if said is not None or model == RECORDED:
                raise ConfigError(
                    f"{side.told}: it names no model: say which one is asked, as {side.told}+model:NAME.", param="model"
                ) from None
            return prompt_subject(self._rooms.prompts, self._project, task.model_copy(update={"model": model}))

    async def _worked(
        self, sided: Sided, baseline: Run | None, heard: Heard, catch: bool, started: Callable[[Runner], object]
    ) -> Ended:
        side, prepared, order = sided.side, sided.prepared, self._order
        which = "before" if baseline is None else "after"
        subject = {"diff": side.told, "versions": prepared.versions}
        if isinstance(prepared.subject, SideSubject | PromptSubject):
            subject["model"] = prepared.subject.model.removeprefix(BESIDE)
        dataset = self._inputs.dataset or (None, None)
        run = self._rooms.runs.create(
            self._project, name=_printable(f"{which}: {order.name}"), suite="diff", kind="regression",
            subject=subject, plan=prepared.plan, plan_hash=prepared.suite.hash,
            dataset_id=dataset[0], dataset_version=dataset[1], baseline_id=None if baseline is None else baseline.id,
            metadata={"diff": _printable(order.name), "side": which, "inputs": self._inputs.told},
            cases=len(prepared.cases), trials=prepared.suite.trials,
        )  # fmt: skip
        ended = await work(sided.rooms, self._project, run, prepared, heard=heard, catch=catch, started=started)
        if ended.run.status != "done":
            raise PilothouseError(_over(side, ended.run.error or f"it was {ended.run.status}"))
        return ended

    def _told(self, before: Run, after: Run) -> Told:
        order, runs = self._order, self._rooms.runs
        told = RunReports(runs, self._rooms.objections).told(
            self._project, after, baseline=before, gates=order.gates, slices=order.slices
        )
        same, of = self._same(before, after)
        notes = [f"{same} of {of} answers are the same, word for word.", f"Compared on {self._inputs.told}."]
        notes += [f"{count} left out: {why}." for why, count in self._inputs.left_out.items()]
        notes += [_CACHES, *_of_config(order)]
        facts = msgspec.structs.replace(told.run, name=order.name)
        base = None if told.baseline is None else msgspec.structs.replace(told.baseline, name=order.before.told)
        return msgspec.structs.replace(told, run=facts, baseline=base, notes=(*told.notes, *notes))

    def _same(self, before: Run, after: Run) -> tuple[int, int]:
        old = {
            (one.case.id, one.trial): one.case.output.split()
            for one in self._rooms.runs.each(self._project, before.id) if one.error is None
        }  # fmt: skip
        pairs = [
            old[one.case.id, one.trial] == one.case.output.split()
            for one in self._rooms.runs.each(self._project, after.id)
            if one.error is None and (one.case.id, one.trial) in old
        ]
        return sum(pairs), len(pairs)


def _over(side: Side, why: str) -> str:
    return (
        f"'{side.told}' was not asked to its end: {why.rstrip('.')}. What was answered is kept: the same comparison "
        "goes on from there and pays for nothing twice."
    )


def _of_config(order: DiffOrder) -> tuple[str, ...]:
    """What a configuration changes, and a comparison of answers does not show."""
    if order.before.config is None and order.after.config is None:
        return ()
    return (
        "Of a configuration the calls were compared: how documents are cut, keys, limits, budgets and alerts were not.",
    )


def _printable(text: str) -> str:
    told = "".join(one if one.isprintable() else "?" for one in text)
    return told if len(told) <= _LONGEST_NAME else told[: _LONGEST_NAME - 1] + "…"
