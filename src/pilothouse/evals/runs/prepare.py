"""From a suite to what a run works with: its cases, its evaluators, what makes the outputs, and with what it compares.

Whatever is wrong with a suite is found here, before anything is asked or paid.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from pilothouse.cases import Case
from pilothouse.errors import ConfigError, Conflict, InvalidRequest, NotFound, PilothouseError
from pilothouse.evals.datasets.cases import cases_of, read_cases
from pilothouse.evals.reports.gates import compares
from pilothouse.evals.reports.runs import find_baseline
from pilothouse.evals.runs.prompted import PromptSubject, prompt_subject
from pilothouse.evals.runs.rooms import Rooms
from pilothouse.evals.runs.subject import Function, Subject, function_of, subject_of
from pilothouse.evals.runs.suite import Suite, Written, nearest, suite_of
from pilothouse.evals.shapes import Evaluator
from pilothouse.ids import content_hash
from pilothouse.storage.evaluating.datasets import Dataset, Datasets
from pilothouse.storage.evaluating.eval_outcomes import keepable
from pilothouse.storage.evaluating.eval_runs import EvalRuns, Run
from pilothouse.types import Json

__all__ = ["Given", "Prepared", "case_from", "check_baseline", "created", "prepare", "prepare_again"]


@dataclass(frozen=True, slots=True)
class Given:
    """What Python hands over as objects, in place of what a suite names."""

    cases: Sequence[Case] | None = None
    evaluators: Sequence[Evaluator] | None = None
    function: Function | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that a run needs. `versions` are what the names of models stand for; `baseline` the run to compare with,
    and `no_baseline` why there is none where the suite names one."""

    written: Written
    cases: list[Case]
    subject: Subject
    evaluators: tuple[Evaluator, ...]
    versions: dict[str, str]
    plan: Json
    dataset: Dataset | None = None
    version: int | None = None
    baseline: Run | None = None
    fresh: bool = False
    notes: list[str] = field(default_factory=list)
    no_baseline: str = ""

    @property
    def suite(self) -> Suite:
        return self.written.suite


async def prepare(
    rooms: Rooms, project: str, written: Written, given: Given | None = None, *, fresh: bool = False
) -> Prepared:
    """Read and check everything that a suite names. Raises ConfigError with file, line and key, and InvalidRequest for
    data that cannot be read. Blocks on the database."""
    given, suite = given or Given(), written.suite
    evaluators = tuple(given.evaluators) if given.evaluators is not None else written.evaluators()
    for one in evaluators:
        keepable("name of an evaluator", one.name)
    written.check_gates([one.name for one in evaluators])
    subject = _subject(rooms, project, written, given.function)
    versions = await _versions(rooms, written, subject)
    dataset, version, cases = _cases(rooms, project, written, given)
    notes, baseline, no_baseline = list[str](), None, ""
    if suite.kind == "regression" and suite.baseline is None:
        notes.append("The suite is a regression and names no baseline: it is compared with nothing.")
    if suite.baseline is not None:
        try:
            baseline = find_baseline(rooms.runs, project, suite.baseline, suite=suite.suite)
        except NotFound as error:
            no_baseline = error.message
            notes.append(no_baseline)
    if suite.judge is not None and suite.judge == getattr(subject, "model", None):
        notes.append(f"'{suite.judge}' judges its own answers; models tend to prefer those.")
    plan: Json = {
        "suite": suite.to_json(),
        "lower_is_better": sorted(one.name for one in evaluators if one.lower_is_better),
        "folder": None if written.folder is None else str(written.folder.absolute()),
        "cases": content_hash([msgspec.to_builtins(case) for case in cases]) if dataset is None else None,
        "fresh": fresh,
        "in_process": not (given.cases is None and given.evaluators is None and given.function is None),
    }  # fmt: skip
    return Prepared(
        written, cases, subject, evaluators, versions, plan, dataset, version, baseline, fresh, notes, no_baseline
    )


async def prepare_again(
    rooms: Rooms, project: str, run: Run, given: Given | None = None, *, max_cost_usd: float | None = None
) -> Prepared:
    """The same for a run that was begun before, which may have another cap. Raises Conflict where it would go on as
    another one: its data file has changed, or what a model's name stands for."""
    own = run.plan
    if "in_process" not in own:
        raise Conflict(f"The run '{run.name}' was made elsewhere and cannot be resumed.")
    if own["in_process"] and given is None:
        raise Conflict(
            f"The run '{run.name}' was started from Python, with objects that only its program has. Start it there "
            "again: what was answered is kept and costs nothing."
        )
    folder = own["folder"]
    written = suite_of(own["suite"], Path(folder) if folder else None)
    if max_cost_usd is not None:
        change = {"max_cost_usd": Decimal(str(max_cost_usd))}
        written = replace(written, suite=written.suite.model_copy(update=change))
    if run.dataset_version is not None:
        pinned = {"dataset": f"{run.dataset_id}@{run.dataset_version}"}
        written = replace(written, suite=written.suite.model_copy(update=pinned))
    prepared = await prepare(rooms, project, written, given, fresh=own["fresh"])
    if prepared.plan["cases"] != own["cases"]:
        raise Conflict(_changed(run, f"'{written.suite.data or 'the data'}' is not what it was"))
    for model, before in run.subject.get("versions", {}).items():
        if prepared.versions.get(model, before) != before:
            raise Conflict(_changed(run, f"'{model}' stands for something else now"))
    baseline = None
    if run.baseline_id is not None:
        try:
            baseline = rooms.runs.get(project, run.baseline_id)
        except NotFound:
            prepared.notes.append("The run to compare with was deleted.")
    return replace(prepared, plan=run.plan, baseline=baseline)


def check_baseline(prepared: Prepared, name: str | None, metadata: dict[str, str]) -> None:
    """Raises ConfigError where a gate compares with a baseline that is not there: the run would fail once all is paid.
    The run that is going to be that baseline, by its name or branch, has to begin somewhere, and may."""
    suite, evaluators = prepared.suite, [one.name for one in prepared.evaluators]
    own = {name or suite.suite, f"branch:{({**suite.metadata, **metadata}).get('branch', '')}"}
    if not prepared.no_baseline or suite.baseline in own:
        return
    for i, gate in enumerate(prepared.written.gates()):
        if compares(gate, evaluators):
            what = f"'{gate.text}' compares with the baseline. {prepared.no_baseline} Nothing was asked."
            raise prepared.written.wrong(("gates", i), what)


def created(runs: EvalRuns, project: str, prepared: Prepared, name: str | None, metadata: dict[str, str]) -> Run:
    """The row of a new run; nothing is asked yet. Raises what `check_baseline` raises."""
    check_baseline(prepared, name, metadata)
    suite, dataset, baseline = prepared.suite, prepared.dataset, prepared.baseline
    subject = {**suite.task.model_dump(mode="json", exclude_none=True), "versions": prepared.versions}
    if isinstance(prepared.subject, PromptSubject):
        subject |= {"prompt": prepared.subject.version.reference, "model": prepared.subject.model}
    return runs.create(
        project, name=name or suite.suite, suite=suite.suite, kind=suite.kind, subject=subject, plan=prepared.plan,
        plan_hash=suite.hash, dataset_id=dataset.id if dataset else None, dataset_version=prepared.version,
        metadata={**suite.metadata, **metadata}, baseline_id=baseline.id if baseline else None,
        cases=len(prepared.cases), trials=suite.trials,
    )  # fmt: skip


def case_from(given: Any, number: int) -> Case:
    """A case of what Python or JSON has: a Case, or an object with `input` and any other field of one. Raises
    InvalidRequest naming its number (from 1)."""
    if isinstance(given, Case):
        return given
    if not isinstance(given, dict):
        return Case(id=f"{number:06}", input=given)
    if "input" not in given:
        raise InvalidRequest(f"Case {number} has no 'input'.", param="data")
    try:
        told = {"id": f"{number:06}", **given, "id_": None}
        del told["id_"]
        strange = told.keys() - {*Case.__struct_fields__}
        if strange:
            name = min(strange)
            raise InvalidRequest(
                f"Case {number}: there is no '{name}'.{nearest(name, Case.__struct_fields__)}", param="data"
            )
        return msgspec.convert({**told, "id": str(told["id"])}, Case)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"Case {number}: {error}.", param="data") from None


def _cases(rooms: Rooms, project: str, written: Written, given: Given) -> tuple[Dataset | None, int | None, list[Case]]:
    suite, dataset, version = written.suite, None, None
    found: Iterable[Case]
    if given.cases is not None:
        found = given.cases[: suite.limit]
    elif suite.dataset is not None:
        dataset, version, found = _of_dataset(rooms, project, written)
    elif suite.data is not None:
        if written.folder is None:
            raise written.wrong(("data",), "only a suite in a file may name a file; name a 'dataset'.")
        path = written.folder / suite.data
        if not path.exists():
            raise written.wrong(("data",), f"there is no file '{path}'.")
        found = read_cases(path, split=suite.split, limit=suite.limit)
    else:
        raise written.wrong((), "names no cases: add 'dataset' or 'data'.")
    cases = [*found]
    if not cases:
        split = f" in the split '{suite.split}'" if suite.split else ""
        raise written.wrong(("dataset" if dataset else "data",), f"has no cases{split}.")
    seen = set[str]()
    for case in cases:
        if case.id in seen:
            raise InvalidRequest(f"Two cases have the id '{case.id[:128]}'.", param="data")
        seen.add(keepable("id of a case", case.id))
        try:
            msgspec.json.encode(case)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise InvalidRequest(f"The case '{case.id}' is no JSON: {error}.", param="data") from None
    return dataset, version, cases


def _of_dataset(rooms: Rooms, project: str, written: Written) -> tuple[Dataset, int, Iterable[Case]]:
    suite, datasets = written.suite, Datasets(rooms.store)
    assert suite.dataset is not None
    try:
        dataset, version = datasets.at(project, suite.dataset)
    except NotFound as error:
        names = [one.name for one in datasets.list(project, limit=500).datasets] if error.param == "dataset" else []
        raise written.wrong(("dataset",), f"{error.message}{nearest(suite.dataset, names)}") from None
    found = cases_of(datasets, project, dataset, version.number, split=suite.split, limit=suite.limit)
    return dataset, version.number, found


def _subject(rooms: Rooms, project: str, written: Written, function: Function | None) -> Subject:
    task = written.suite.task
    if task.prompt is not None:
        try:
            return prompt_subject(rooms.prompts, project, task)
        except (ConfigError, InvalidRequest, NotFound) as error:
            raise written.wrong(("task", "prompt"), error.message) from None
    try:
        found = function or (function_of(task.python, written.folder) if task.python else None)
        return subject_of(task, found)
    except ConfigError as error:
        raise written.wrong(("task", "python"), error.message) from None


async def _versions(rooms: Rooms, written: Written, subject: Subject) -> dict[str, str]:
    """What the models that a suite names stand for, and its prompt. Raises ConfigError for one that there is not."""
    suite, versions = written.suite, {}
    places = {("task", "corpus" if suite.task.corpus else "model"): suite.task.asks, ("judge",): suite.judge}
    if isinstance(subject, PromptSubject):
        places = {("task", "prompt"): subject.print_name, ("task", "model"): subject.model, ("judge",): suite.judge}
    for place, model in places.items():
        if model is not None:
            try:
                versions[model] = await rooms.fingerprint(model)
            except PilothouseError as error:
                raise written.wrong(place, error.message) from None
    return versions


def _changed(run: Run, what: str) -> str:
    return (
        f"{what}: the run '{run.name}' cannot go on as it began. Start a new one: what is still the same costs nothing."
    )
