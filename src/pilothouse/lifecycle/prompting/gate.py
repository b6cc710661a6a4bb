"""The gate before a label: versions are evaluated against the one that the label has, and the verdicts decide.

The registry asks `check` before it moves a label. A verdict counts for the version, the rule, the version to compare
with and the version of the dataset that it was made with: once one of these is another, the version is judged anew.
"""

import asyncio
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import msgspec

from pilothouse.access.audit import Actor
from pilothouse.call import DEFAULT_PROJECT
from pilothouse.cases import Case
from pilothouse.config import Config
from pilothouse.errors import Cancelled, ConfigError, InvalidRequest, NotFound
from pilothouse.evals.datasets.cases import cases_of
from pilothouse.evals.reports.runs import RunReports
from pilothouse.evals.runs.evaluate import Ended, work
from pilothouse.evals.runs.prepare import Given, Prepared, created, prepare
from pilothouse.evals.runs.prompted import PromptSubject, Versions, prompt_print
from pilothouse.evals.runs.rooms import Rooms
from pilothouse.evals.runs.runner import Heard, Runner
from pilothouse.ids import content_hash, new_id, now_us
from pilothouse.lifecycle.prompting.deciding import Decision, decide
from pilothouse.lifecycle.prompting.fitting import Fitting
from pilothouse.lifecycle.prompting.meaning import Meanings, changed_meaning, meanings_of
from pilothouse.lifecycle.prompting.order import Order
from pilothouse.lifecycle.prompting.protection import Plan, plan_of, rule_for, rule_hash
from pilothouse.prompting import Protected
from pilothouse.prompts.versions import LATEST, PRODUCTION, Version
from pilothouse.storage import Store
from pilothouse.storage.evaluating.datasets import Datasets
from pilothouse.storage.evaluating.eval_runs import Run
from pilothouse.storage.prompting.move_rows import last_move
from pilothouse.storage.prompting.verdicts import KeptVerdict, Verdicts
from pilothouse.types import Json

__all__ = ["Evaluate", "PromptGate", "Ready"]

_CHECKED = 1_000  # cases of a dataset whose variables are looked at when a version is to be judged
_REUSED = 100  # runs of a version among which one is looked for that says what is asked now


class Evaluate(Protocol):
    """Works a prepared run off; `evals.runs.evaluate.work` is it."""

    async def __call__(
        self, rooms: Rooms, project: str, run: Run, prepared: Prepared, *, heard: Heard,
        started: Callable[[Runner], object],
    ) -> Ended: ...  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ready:
    """What is going to be asked, and nothing is yet: the version, and the one that it is compared with, where there is
    one. `print` tells the version with all that it includes, `meanings` what the models that answer and judge stand
    for; `base` is a finished run of the other, which need not be asked again."""

    order: Order
    plan: Plan
    version: Version
    print: str
    meanings: Meanings
    prepared: Prepared
    current: Version | None = None
    before: Prepared | None = None
    base: Run | None = None

    @property
    def asked(self) -> list[Prepared]:
        """The runs that are to be worked off, in their order."""
        return [*([self.before] if self.before is not None and self.base is None else []), self.prepared]


class PromptGate:
    """Of a store. `config` is what serves now. Everything but `evaluate` blocks on the database."""

    def __init__(
        self, store: Store, versions: Versions, config: Callable[[], Config], *, evaluate: Evaluate = work,
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
        rule = rule_for(self._config().prompts, name, label)
        return 0 if rule is None else rule.approvals

    def protects(self, name: str, label: str) -> bool:
        """Whether the configuration says by what versions for this label are judged."""
        return rule_for(self._config().prompts, name, label) is not None

    def check(self, project: str, name: str, version: int, label: str, current: int | None) -> list[str]:
        """What is against moving the label, now at `current`, to this version, in sentences; nothing where it may."""
        rule = rule_for(self._config().prompts, name, label)
        if rule is None or rule.suite is None:
            return []
        current = self._had(project, name, label) if current is None else current
        if version == current:
            return []
        options = [f"--against {label}"] if label != PRODUCTION else []
        options += [f"--project {project}"] if project != DEFAULT_PROJECT else []
        command = ["pilothouse prompts evaluate", shlex.quote(f"{name}@{version}"), *options]
        how = f"Run `{' '.join(command)}`."
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
        """Why a verdict counts no more: its dataset, a model, or what the version includes, is another by now."""
        assert rule.suite is not None
        reference = f"{found.prompt}@{found.version}"
        try:
            dataset, version = Datasets(self._store).at(project, str(rule.suite.get("dataset")))
            told = prompt_print(self._versions, project, reference)
        except NotFound as error:
            return error.message
        if (dataset.id, version.number) != (found.dataset_id, found.dataset_version):
            there = f"{dataset.name}@{version.number} is there now"
            return f"It was judged on {dataset.name}@{found.dataset_version}, and {there}."
        if found.body.get("print") != told:
            return f"{reference} was judged with other texts in it: a prompt that it includes has changed since."
        return changed_meaning(self._config(), found.body.get("meanings") or {})

    def list(
        self, project: str, name: str, *, version: int | None = None, before: str | None = None, limit: int = 50
    ) -> Sequence[KeptVerdict]:
        """What was decided of a prompt, or of one version, the newest first. Raises NotFound for what there is not."""
        self._versions.get(project, name, version=1 if version is None else version)
        return self.verdicts.list(project, name, version=version, before=before, limit=limit)

    # ---- judging a version

    def planned(self, project: str, order: Order) -> tuple[Plan, Version, Version | None]:
        """How a version is judged, and the one that it is compared with. Without a rule, cases that all say
        what is expected are judged by whether the answer has it. Raises ConfigError, InvalidRequest and NotFound."""
        usual = rule_for(self._config().prompts, order.name, order.label)
        rule = order.rule or usual or _by_expected(order)
        version, current = self._sides(project, order)
        if rule is None:
            raise InvalidRequest(
                f"Nothing says by what '{order.name}' is judged for '{order.label}': write prompts.protected in the "
                "configuration, give a suite, or cases that each say what is 'expected'.", param="rule",
            )  # fmt: skip
        if rule.model is None and usual is not None and usual.model is not None:
            rule = rule.model_copy(update={"model": usual.model})
        plan = _plan(rule, version, first=current is None)
        Fitting.of(self._versions, project, version, current).check(self._cases(project, plan, order))
        return plan, version, current

    def _cases(self, project: str, plan: Plan, order: Order) -> Iterable[Case]:
        """Those that the order has, or the first ones of its dataset."""
        suite, datasets = plan.written.suite, Datasets(self._store)
        if order.cases is not None:
            return order.cases[: suite.limit]
        if suite.dataset is None or suite.data is not None:
            raise plan.written.wrong(("dataset",), "name the cases: a dataset of this project, or give cases.")
        try:
            dataset, at = datasets.at(project, suite.dataset)
            most = min(suite.limit or _CHECKED, _CHECKED)
            cases = [*cases_of(datasets, project, dataset, at.number, split=suite.split, limit=most)]
        except NotFound as error:
            raise plan.written.wrong(("dataset",), error.message) from None
        if not cases:
            where = f" in the split '{suite.split}'" if suite.split else ""
            raise plan.written.wrong(("dataset",), f"'{suite.dataset}' has no cases{where}.")
        return cases

    async def ready(self, rooms: Rooms, project: str, order: Order) -> Ready:
        """Read and check all that an order names. Asks nobody. Raises ConfigError and NotFound.

        Where latencies are compared nothing kept is used: times tell something where they are of the same hour."""
        rooms = replace(rooms, prompts=self._versions)
        plan, version, current = await asyncio.to_thread(self.planned, project, order)
        order = replace(order, fresh=order.fresh or plan.rule.latency_rise is not None)
        told = await asyncio.to_thread(prompt_print, self._versions, project, version.reference)
        fitting = await asyncio.to_thread(Fitting.of, self._versions, project, version, current)
        prepared = await self._prepared(rooms, project, plan, order, fitting.foreign(version))
        asked = [one.content.model or plan.rule.model for one in (version, current) if one is not None]
        meanings = meanings_of(self._config(), filter(None, asked), prepared.plan)
        if current is None:
            return Ready(order, plan, version, told, meanings, prepared)
        before = await self._prepared(rooms, project, _plan(plan.rule, current), order, fitting.foreign(current))
        base = None if order.fresh else await asyncio.to_thread(self._done_before, rooms, project, before)
        return Ready(order, plan, version, told, meanings, prepared, current, before, base)

    async def judge(
        self, rooms: Rooms, project: str, ready: Ready, by: Actor, *,
        heard: Heard = lambda done, total, nano: None, started: Callable[[Runner], object] = lambda runner: None,
    ) -> KeptVerdict:  # fmt: skip
        """Run the suite over the version, and over the one to compare with where no run says that yet; decide, and keep
        the verdict. Raises Cancelled where a run was."""
        rooms, base = replace(rooms, prompts=self._versions), ready.base
        total, done_before = sum(len(one.cases) * one.suite.trials for one in ready.asked), 0

        def told(done: int, _: int, nano: int) -> None:
            heard(done_before + done, total, nano)

        if ready.before is not None and base is None:
            base = await self._worked(rooms, project, ready.before, ready.order, None, told, started)
            done_before = total - len(ready.prepared.cases) * ready.prepared.suite.trials
        run = await self._worked(rooms, project, ready.prepared, ready.order, base, told, started)
        return await asyncio.to_thread(self._decided, rooms, project, ready, run, base, by)

    async def evaluate(
        self, rooms: Rooms, project: str, order: Order, by: Actor, *,
        heard: Heard = lambda done, total, nano: None, started: Callable[[Runner], object] = lambda runner: None,
    ) -> KeptVerdict:  # fmt: skip
        """`ready`, then `judge`."""
        ready = await self.ready(rooms, project, order)
        return await self.judge(rooms, project, ready, by, heard=heard, started=started)

    def _sides(self, project: str, order: Order) -> tuple[Version, Version | None]:
        newest = LATEST if order.version is None else None
        version = self._versions.get(project, order.name, version=order.version, label=newest)
        try:
            current = self._versions.get(project, order.name, label=order.label)
        except NotFound:
            number = self._had(project, order.name, order.label)
            if number is None:
                return version, None
            current = self._versions.get(project, order.name, version=number)
        return version, None if current.number == version.number else current

    def _had(self, project: str, name: str, label: str) -> int | None:
        """The version that a label had which was taken away: without it there would be a way around the gate."""
        with self._store.control.connect() as connection:
            last = last_move(connection, project, name, label)
        return None if last is None else last.before if last.version is None else last.version

    async def _prepared(
        self, rooms: Rooms, project: str, plan: Plan, order: Order, left_out: frozenset[str]
    ) -> Prepared:  # fmt: skip
        given = None if order.cases is None else Given(cases=order.cases)
        made = await prepare(rooms, project, plan.written, given, fresh=order.fresh)
        assert isinstance(made.subject, PromptSubject)
        return replace(made, subject=replace(made.subject, left_out=left_out))

    def _done_before(self, rooms: Rooms, project: str, wanted: Prepared) -> Run | None:
        """A finished run of the same suite over the same cases, asked of what the names stand for now, in which nothing
        failed: what did is asked again."""
        if wanted.version is None:
            return None
        name = _name(wanted)
        for run in rooms.runs.list(project, name=name, limit=_REUSED).runs:
            same = run.dataset_id == (wanted.dataset and wanted.dataset.id) and run.dataset_version == wanted.version
            asked = run.plan_hash == wanted.suite.hash and run.subject.get("versions") == wanted.versions
            if run.status == "done" and same and asked and not run.erased and not _failures(run):
                return run
        return None

    async def _worked(
        self, rooms: Rooms, project: str, prepared: Prepared, order: Order, base: Run | None, heard: Heard,
        started: Callable[[Runner], object],
    ) -> Run:  # fmt: skip
        """A run of one side, worked off."""
        name = _name(prepared)
        about = {"prompt": name, "label": order.label}
        prepared = replace(prepared, baseline=base)
        run = await asyncio.to_thread(created, rooms.runs, project, prepared, name, about)
        run = (await self._evaluate(rooms, project, run, prepared, heard=heard, started=started)).run
        if run.status == "cancelled":
            raise Cancelled(f"The run '{run.name}' was cancelled before anything was decided.")
        return run

    def _decided(
        self, rooms: Rooms, project: str, ready: Ready, run: Run, base: Run | None, by: Actor
    ) -> KeptVerdict:  # fmt: skip
        plan, order, now = ready.plan, ready.order, self._clock()
        told = RunReports(rooms.runs, rooms.objections).told(project, run, baseline=base)
        may_gate = rooms.objections(project, run.plan) if rooms.objections is not None else lambda name: None
        decision: Decision = decide(plan.rule, plan.metric, told, [*rooms.runs.each(project, run.id)], may_gate)
        body: Json = msgspec.to_builtins(decision)
        rule = plan.hash if order.cases is None else content_hash([plan.hash, "cases of its own"])
        verdict = KeptVerdict(
            new_id(now), order.name, ready.version.number, order.label,
            None if ready.current is None else ready.current.number, rule, run.dataset_id, run.dataset_version,
            run.id, None if base is None else base.id, decision.passed, by.name, now,
            {**body, "metric": plan.metric, "margin": plan.rule.margin, "print": ready.print,
             "meanings": ready.meanings},
        )  # fmt: skip
        self.verdicts.put(project, verdict)
        return verdict


def _by_expected(order: Order) -> Protected | None:
    """The plainest rule there is, for cases that say what is expected."""
    if not order.cases or any(case.expected is None for case in order.cases):
        return None
    return Protected(suite={"evaluators": ["contains_expected"]})


def _plan(rule: Protected, version: Version, *, first: bool = False) -> Plan:
    model = rule.model if version.content.model is None else None
    if version.content.model is None and model is None:
        raise ConfigError(f"{version.reference} names no model: say which one is asked, as 'model'.", param="model")
    return plan_of(rule, version.name, version.number, model=model, first=first)


def _failures(run: Run) -> int:
    """Answers and verdicts of a finished run that are not there."""
    summary = run.summary or {}
    judged = summary.get("metrics") or {}
    return int(summary.get("errors") or 0) + sum(int(one.get("failed") or 0) for one in judged.values())


def _name(prepared: Prepared) -> str:
    """Of a run: the version that it is of."""
    return str(prepared.suite.task.prompt)[:256]
