"""The gate before a label: versions are evaluated against the one that the label has, and the verdicts decide.

The registry asks `check` before it moves a label. A verdict counts for the version, the rule, the version to compare
with and the version of the dataset that it was made with: once one of these is another, the version is judged anew.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import msgspec

from pilothouse.access.audit import Actor
from pilothouse.cases import Case
from pilothouse.errors import ConfigError, NotFound
from pilothouse.evals.reports.runs import RunReports
from pilothouse.evals.runs.evaluate import Ended, work
from pilothouse.evals.runs.prepare import Given, Prepared, created, prepare
from pilothouse.evals.runs.prompted import Versions
from pilothouse.evals.runs.rooms import Rooms
from pilothouse.evals.runs.runner import Heard, Runner
from pilothouse.ids import new_id, now_us
from pilothouse.lifecycle.prompting.deciding import Decision, decide
from pilothouse.lifecycle.prompting.protection import Plan, plan_of, rule_for, rule_hash
from pilothouse.prompting import PromptsConfig, Protected
from pilothouse.prompts.versions import LATEST, PRODUCTION, Version
from pilothouse.storage import Store
from pilothouse.storage.evaluating.datasets import Datasets
from pilothouse.storage.evaluating.eval_runs import Run
from pilothouse.storage.prompting.verdicts import KeptVerdict, Verdicts
from pilothouse.types import Json

__all__ = ["Evaluate", "Order", "PromptGate"]

_REUSED = 100  # runs of a version among which one is looked for that says what is asked now


class Evaluate(Protocol):
    """Works a prepared run off; `evals.runs.evaluate.work` is it."""

    async def __call__(
        self, rooms: Rooms, project: str, run: Run, prepared: Prepared, *, heard: Heard,
        started: Callable[[Runner], object],
    ) -> Ended: ...  # fmt: skip


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be judged: a version, the newest where there is none, for a label. `rule` stands in for the one of the
    configuration, `cases` for those of its dataset: such verdicts open no protected label. `fresh` uses no kept answer.
    """

    name: str
    version: int | None = None
    label: str = PRODUCTION
    rule: Protected | None = None
    cases: Sequence[Case] | None = None
    fresh: bool = False


class PromptGate:
    """Of a store. `config` is what serves now. Everything but `evaluate` blocks on the database."""

    def __init__(
        self, store: Store, versions: Versions, config: Callable[[], PromptsConfig], *, evaluate: Evaluate = work,
        clock: Callable[[], int] = now_us,
    ) -> None:  # fmt: skip
        self.verdicts = Verdicts(store.control)
        self._store = store
        self._versions = versions
        self._config = config
        self._evaluate = evaluate
        self._clock = clock

    # ---- what the registry asks

    def approvals(self, project: str, name: str, label: str) -> int:
        """How many other people must agree before the label moves."""
        rule = rule_for(self._config(), name, label)
        return 0 if rule is None else rule.approvals

    def check(self, project: str, name: str, version: int, label: str, current: int | None) -> list[str]:
        """What is against moving the label, now at `current`, to this version, in sentences; nothing where it may."""
        rule = rule_for(self._config(), name, label)
        if rule is None or rule.suite is None or version == current:
            return []
        how = (
            f"Run `pilothouse prompts evaluate '{name}@{version}'{'' if label == PRODUCTION else f' --label {label}'}`."
        )
        found = self.verdicts.newest(project, name, version, rule_hash(rule))
        if found is None:
            return [f"{name}@{version} was not evaluated by the suite that '{label}' asks for. {how}"]
        if found.against != current:
            then = "with no version" if found.against is None else f"with {name}@{found.against}"
            now = "to none" if current is None else f"to {name}@{current}"
            return [f"{name}@{version} was compared {then}, and '{label}' points {now} now. {how}"]
        if (why := self._stale(project, rule, found)) is not None:
            return [f"{why} {how}"]
        if not found.passed:
            return [*found.reasons, f"The run is {found.run_id}."]
        return []

    def _stale(self, project: str, rule: Protected, found: KeptVerdict) -> str | None:
        """Why a verdict counts no more: its dataset is another by now."""
        assert rule.suite is not None
        if found.dataset_id is None:
            return "The verdict was made on cases of its own."
        datasets, reference = Datasets(self._store), str(rule.suite.get("dataset"))
        name, at, number = reference.rpartition("@")
        pinned = bool(at and number.isascii() and number.isdecimal())
        try:
            dataset = datasets.get(project, name if pinned else reference)
        except NotFound as error:
            return error.message
        newest = int(number) if pinned else dataset.version
        if (dataset.id, newest) != (found.dataset_id, found.dataset_version):
            return f"It was judged on {dataset.name}@{found.dataset_version}, and {dataset.name}@{newest} is there now."
        return None

    # ---- judging a version

    async def evaluate(
        self, rooms: Rooms, project: str, order: Order, by: Actor, *,
        heard: Heard = lambda done, total, nano: None, started: Callable[[Runner], object] = lambda runner: None,
    ) -> KeptVerdict:  # fmt: skip
        """Run the suite over a version, and over the one that the label has where no run says that yet; decide and keep
        the verdict. Raises ConfigError and NotFound for what cannot be, before anything is asked."""
        rooms = replace(rooms, prompts=self._versions)
        version, current = await asyncio.to_thread(self._sides, project, order)
        rule = order.rule or rule_for(self._config(), order.name, order.label)
        if rule is None:
            raise ConfigError(
                f"Nothing says by what '{order.name}' is judged for '{order.label}': write prompts.protected in the "
                "configuration, or give a suite.", param="suite",
            )  # fmt: skip
        plan = _plan(rule, version, first=current is None)
        ready = await self._prepared(rooms, project, plan, order)
        base = None
        if current is not None:
            before = await self._prepared(rooms, project, _plan(rule, current), order)
            base = await asyncio.to_thread(self._done_before, rooms, project, before) if not order.fresh else None
            if base is None:
                total = len(before.cases) * before.suite.trials
                base = await self._worked(
                    rooms, project, before, current, order, None, lambda done, _, nano: heard(done, 2 * total, nano),
                    started,
                )  # fmt: skip
        run = await self._worked(rooms, project, ready, version, order, base, heard, started)
        return await asyncio.to_thread(self._decided, rooms, project, order, plan, (version, current), (run, base), by)

    def _sides(self, project: str, order: Order) -> tuple[Version, Version | None]:
        newest = LATEST if order.version is None else None
        version = self._versions.get(project, order.name, version=order.version, label=newest)
        try:
            current = self._versions.get(project, order.name, label=order.label)
        except NotFound:
            return version, None
        return version, None if current.number == version.number else current

    async def _prepared(self, rooms: Rooms, project: str, plan: Plan, order: Order) -> Prepared:
        given = None if order.cases is None else Given(cases=order.cases)
        return await prepare(rooms, project, plan.written, given, fresh=order.fresh)

    def _done_before(self, rooms: Rooms, project: str, wanted: Prepared) -> Run | None:
        """A finished run of the same suite over the same cases, asked of what the names stand for now."""
        if wanted.version is None:
            return None
        name = _name(wanted)
        for run in rooms.runs.list(project, name=name, limit=_REUSED).runs:
            same = run.dataset_id == (wanted.dataset and wanted.dataset.id) and run.dataset_version == wanted.version
            asked = run.plan_hash == wanted.suite.hash and run.subject.get("versions") == wanted.versions
            if run.status == "done" and same and asked and not run.erased:
                return run
        return None

    async def _worked(
        self, rooms: Rooms, project: str, prepared: Prepared, version: Version, order: Order, base: Run | None,
        heard: Heard, started: Callable[[Runner], object],
    ) -> Run:  # fmt: skip
        """A run of one side, worked off."""
        about = {"prompt": version.name, "version": str(version.number), "label": order.label}
        prepared = replace(prepared, baseline=base)
        run = await asyncio.to_thread(created, rooms.runs, project, prepared, _name(prepared), about)
        return (await self._evaluate(rooms, project, run, prepared, heard=heard, started=started)).run

    def _decided(
        self, rooms: Rooms, project: str, order: Order, plan: Plan, sides: tuple[Version, Version | None],
        runs: tuple[Run, Run | None], by: Actor,
    ) -> KeptVerdict:  # fmt: skip
        run, base = runs
        told = RunReports(rooms.runs, rooms.objections).told(project, run, baseline=base)
        may_gate = rooms.objections(project, run.plan) if rooms.objections is not None else lambda name: None
        outcomes = [*rooms.runs.each(project, run.id)]
        decision: Decision = decide(plan.rule, plan.metric, told, outcomes, may_gate)
        body: Json = msgspec.to_builtins(decision)
        now = self._clock()
        verdict = KeptVerdict(
            new_id(now), order.name, sides[0].number, order.label, None if sides[1] is None else sides[1].number,
            plan.hash, run.dataset_id, run.dataset_version, run.id, None if base is None else base.id, decision.passed,
            by.name, now, {**body, "metric": plan.metric, "margin": plan.rule.margin},
        )  # fmt: skip
        self.verdicts.put(project, verdict)
        return verdict


def _plan(rule: Protected, version: Version, *, first: bool = False) -> Plan:
    model = rule.model if version.content.model is None else None
    return plan_of(rule, version.name, version.number, model=model, first=first)


def _name(prepared: Prepared) -> str:
    """Of a run: the version that it is of."""
    return str(prepared.suite.task.prompt)[:256]
