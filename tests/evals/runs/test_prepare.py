"""What a suite names is found, or told to be missing, before anything is asked; and found again to go on."""

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pilothouse.cases import Case
from pilothouse.errors import ConfigError, Conflict, InvalidRequest, UnknownModel
from pilothouse.evals.runs.prepare import Given, case_from, created, prepare, prepare_again
from pilothouse.evals.runs.suite import Written, read_suite, suite_of
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.storage.evaluating.datasets import Datasets

from .conftest import Bench, P, case, suited

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def written(tmp_path: Path, rows: list[Any], **suite: Any) -> Written:
    (tmp_path / "cases.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "s.json").write_text(json.dumps(suited(data="cases.jsonl", **suite)))
    return read_suite(tmp_path / "s.json")


def test_cases_come_from_a_file_or_a_version_of_a_dataset(bench: Bench, tmp_path: Path) -> None:
    rows = [{"id": f"r{i}", "input": i, "split": "test" if i else None} for i in range(4)]
    prepared = run(prepare(bench.rooms, P, written(tmp_path, rows, split="test", limit=2)))
    assert [(one.id, one.input) for one in prepared.cases] == [("r1", 1), ("r2", 2)]
    datasets = Datasets(bench.store)
    made = datasets.create(P, "gold@en")
    for text in "ab":
        datasets.change(P, made, [NewItem(input=text, key=text)])
    for name, inputs in (("gold@en", ["a", "b"]), ("gold@en@1", ["a"])):
        found = run(prepare(bench.rooms, P, suite_of(suited(dataset=name))))
        assert [one.input for one in found.cases] == inputs
        assert (found.version, found.plan["cases"]) == (len(inputs), None)
        assert found.dataset is not None


def test_what_is_missing_is_named_with_its_place(bench: Bench, tmp_path: Path) -> None:
    Datasets(bench.store).create(P, "golden")
    for changes, told in (
        ({}, "suite: names no cases"),
        ({"dataset": "goldn"}, r"dataset: There is no dataset 'goldn'\. Did you mean 'golden'"),
        ({"dataset": "golden@4"}, "dataset: The dataset 'golden' has no version 4"),
        ({"dataset": "golden"}, "dataset: has no cases"),
        ({"data": "x.jsonl"}, "data: only a suite in a file may name a file"),
        ({"gates": ["exakt.pass < 1"]}, r"gates.0: no evaluator of this suite is named 'exakt'\. Did you mean 'exact'"),
        ({"task": {"python": "nowhere:f"}, "dataset": "golden"}, "task.python: the module 'nowhere' cannot"),
    ):
        with pytest.raises(ConfigError, match=told):
            run(prepare(bench.rooms, P, suite_of(suited(**changes))))
    file = written(tmp_path, [{"input": 1}], split="dev")
    with pytest.raises(ConfigError, match=r"s\.json:1: data: has no cases in the split 'dev'"):
        run(prepare(bench.rooms, P, file))
    (tmp_path / "cases.jsonl").unlink()
    with pytest.raises(ConfigError, match="data: there is no file"):
        run(prepare(bench.rooms, P, file))
    for cases, wrong in (
        ([case(1), case(1)], "Two cases have the id 'c001'"),
        ([Case(id="a\0", input=1)], "id of a case must be 1 to 512 printable"),
        ([Case(id="a", input=object())], "The case 'a' is no JSON"),
        ([Case(id="a", input="\ud800")], "The case 'a' is no JSON"),
    ):
        with pytest.raises(InvalidRequest, match=wrong):
            run(prepare(bench.rooms, P, suite_of(suited()), Given(cases=cases)))


def test_a_model_that_there_is_not_is_told_where_it_is_named(bench: Bench) -> None:
    async def unknown(model: str) -> str:
        if model == "grader":
            raise UnknownModel("There is no model 'grader'.")
        return model

    from dataclasses import replace

    rooms = replace(bench.rooms, fingerprint=unknown)
    with pytest.raises(ConfigError, match="judge: There is no model 'grader'"):
        run(prepare(rooms, P, suite_of(suited(judge="grader")), Given(cases=[case(1)])))


def test_a_model_that_judges_itself_is_mentioned(bench: Bench) -> None:
    def notes(judge: str) -> list[str]:
        return run(prepare(bench.rooms, P, suite_of(suited(judge=judge)), Given(cases=[case(1)]))).notes

    assert notes("m") == ["'m' judges its own answers; models tend to prefer those."]
    assert notes("other") == []


def test_a_run_goes_on_only_as_what_it_was(bench: Bench, tmp_path: Path) -> None:
    runs = bench.rooms.runs
    prepared = run(prepare(bench.rooms, P, written(tmp_path, [{"input": 1}], baseline="main"), fresh=True))
    assert prepared.notes == ["There is no run 'main' that is done."]
    alone = run(prepare(bench.rooms, P, suite_of(suited(kind="regression")), Given(cases=[case(1)])))
    assert alone.notes == ["The suite is a regression and names no baseline: it is compared with nothing."]
    begun = created(runs, P, prepared, None, {"branch": "b"})
    again = run(prepare_again(bench.rooms, P, begun, max_cost_usd=3))
    assert (again.cases, again.fresh, again.suite.cap_nano) == (prepared.cases, True, 3 * 10**9)
    assert (begun.metadata, begun.subject["versions"]) == ({"branch": "b"}, {"m": "m 1"})
    bench.version = "2"
    with pytest.raises(Conflict, match="'m' stands for something else now: the run 's' cannot go on"):
        run(prepare_again(bench.rooms, P, begun))
    bench.version = "1"
    written(tmp_path, [{"input": 2}])
    with pytest.raises(Conflict, match=r"'cases\.jsonl' is not what it was"):
        run(prepare_again(bench.rooms, P, begun))
    here = created(runs, P, run(prepare(bench.rooms, P, suite_of(suited()), Given(cases=[case(1)]))), "x", {})
    with pytest.raises(Conflict, match="was started from Python"):
        run(prepare_again(bench.rooms, P, here))
    elsewhere = runs.create(P, name="e", suite="s", subject={}, plan={}, plan_hash="")
    with pytest.raises(Conflict, match="was made elsewhere"):
        run(prepare_again(bench.rooms, P, elsewhere))


def test_a_version_of_a_dataset_stays_that_version(bench: Bench) -> None:
    datasets = Datasets(bench.store)
    made = datasets.create(P, "gold")
    datasets.change(P, made, [NewItem(input="a")])
    begun = created(bench.rooms.runs, P, run(prepare(bench.rooms, P, suite_of(suited(dataset="gold")))), None, {})
    datasets.change(P, made, [NewItem(input="b")])
    assert [one.input for one in run(prepare_again(bench.rooms, P, begun)).cases] == ["a"]


def test_cases_of_python_are_cases_objects_and_mere_inputs() -> None:
    assert case_from("q", 3) == Case(id="000003", input="q")
    assert case_from({"input": "q", "id": 7, "context": ["c"]}, 1) == Case(id="7", input="q", context=("c",))
    assert case_from(case(1), 9) is not None
    for wrong, told in (
        ({"expected": 1}, "Case 2 has no 'input'"),
        ({"input": 1, "expcted": 1}, "there is no 'expcted'. Did you mean 'expected'"),
        ({"input": 1, "context": 7}, "Case 2: Expected `array`"),
    ):
        with pytest.raises(InvalidRequest, match=told):
            case_from(wrong, 2)
