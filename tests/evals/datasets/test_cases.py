"""Items as cases, and what is taken of an answer that the data has."""

from pathlib import Path
from typing import Any

import pytest

from pilothouse.cases import Step
from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.evals.datasets.cases import answer_of, case_of, cases_of, read_cases
from pilothouse.settings import Settings
from pilothouse.storage import open_store
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.storage.evaluating.datasets import Datasets

CALL = {"type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}


def test_an_item_is_a_case() -> None:
    item = NewItem(
        key="k", input={"q": 1}, expected=[2], context=("p",), metadata={"topic": "x"}, split="test",
        source_trace="t", source_span="s", source_user="u",
    )  # fmt: skip
    case = case_of(item)
    assert (case.id, case.input, case.expected, case.context) == ("k", {"q": 1}, [2], ("p",))
    told = {"split": "test", "source_trace": "t", "source_span": "s", "source_user": "u"}
    assert case.metadata == {"topic": "x", **told}
    assert (case.output, case.steps, case.latency_s, case.trace_id) == ("", (), None, None)


def test_what_was_answered_is_taken_along() -> None:
    steps = [{"name": "find", "arguments": {"a": 1}, "result": [3]}]
    item = NewItem(key="k", input="q", metadata={"output": "a", "steps": steps, "latency_s": 2}, source_trace="t")
    case = case_of(item)
    assert (case.output, case.latency_s, case.trace_id) == ("a", 2.0, "t")
    assert case.steps == (Step("find", {"a": 1}, [3]),)


@pytest.mark.parametrize("name", ["response", "actual_output", "completion", "answer"])
def test_answers_by_the_names_of_others(name: str, tmp_path: Path) -> None:
    file = tmp_path / "others.jsonl"
    file.write_text(f'{{"question": "q", "ground_truth": "e", "{name}": "a"}}\n')
    (case,) = read_cases(file)
    assert (case.input, case.expected, case.output) == ("q", "e", "a")


def test_the_sample_beside_an_item_of_openai(tmp_path: Path) -> None:
    file = tmp_path / "openai.jsonl"
    file.write_text('{"item": {"question": "q", "ground_truth": "e"}, "sample": {"output_text": "a"}}\n')
    (case,) = read_cases(file)
    assert (case.input, case.expected, case.output) == ("q", "e", "a")


@pytest.mark.parametrize("wrong", [True, "2", -1, float("inf"), None], ids=str)
def test_a_latency_that_is_none(wrong: Any) -> None:
    assert case_of(NewItem(key="k", input="q", metadata={"latency_s": wrong})).latency_s is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("a", "a"),
        ({"role": "assistant", "content": "a"}, "a"),
        ({"content": [{"type": "text", "text": "a"}, {"type": "image_url"}, {"type": "text", "text": "b"}]}, "a\nb"),
        ([{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "a"),
        ({"messages": [{"role": "assistant", "content": "a"}]}, "a"),
        ({"choices": [{"message": {"content": "a"}}, {"message": {"content": "b"}}]}, "a"),
        ({"choices": [{"text": "a"}]}, "a"),
        ({"answer": "a", "citations": []}, "a"),
        ({"city": "Oslo"}, '{"city": "Oslo"}'),
        ([1, 2], "[1, 2]"),
        ({"choices": []}, '{"choices": []}'),
        (7, "7"),
        ({"value": "a"}, "a"),
        ({"value": {"b": 1}}, '{"b": 1}'),
        ({"output_text": "a", "output_json": None}, "a"),
    ],
    ids=[
        "none", "text", "message", "parts", "talk", "messages", "chat", "completion", "answer", "object", "list",
        "no choice", "number", "bare", "bare object", "sample",
    ],
)  # fmt: skip
def test_an_answer_is_read_as_whoever_wrote_it_meant(value: Any, text: str) -> None:
    assert answer_of(value) == (text, ())


def test_tools_that_an_answer_calls() -> None:
    step = Step("weather", {"city": "Oslo"})
    assert answer_of({"role": "assistant", "content": None, "tool_calls": [CALL]}) == ("", (step,))
    assert answer_of({"choices": [{"message": {"content": "x", "tool_calls": [CALL]}}]}) == ("x", (step,))
    broken = {"function": {"name": "weather", "arguments": "{"}}
    assert answer_of({"content": None, "tool_calls": [broken, 7, {}]}) == ("", (Step("weather", {"": "{"}),))


def test_a_version_as_cases(tmp_path: Path) -> None:
    store = open_store(Settings(home=tmp_path))
    datasets = Datasets(store)
    dataset = datasets.create("p", "d")
    items = [NewItem(key=str(i), input=i, split="test" if i % 2 else "train") for i in range(6)]
    datasets.change("p", dataset, items)
    datasets.change("p", dataset, remove=["1"])
    dataset = datasets.get("p", "d")
    assert [case.id for case in cases_of(datasets, "p", dataset, split="test")] == ["3", "5"]
    assert [case.id for case in cases_of(datasets, "p", dataset, 1, limit=2)] == ["0", "1"]
    with pytest.raises(NotFound, match="no version 7"):
        cases_of(datasets, "p", dataset, 7)
    store.close()


def test_a_file_as_cases(tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text('{"id": "a", "input": "q"}\n{"input": "one"}\n{"input": "two", "output": "x"}\n{"input": "ONE"}\n')
    first, one, two, again = read_cases(file)
    assert (first.id, two.output) == ("a", "x")
    assert again.id == f"{one.id}-2"
    file.write_text('{"input": "new"}\n{"input": "two"}\n{"input": "one", "split": "test"}\n')
    assert [case.id for case in read_cases(file)][1:] == [two.id, one.id]
    assert [case.id for case in read_cases(file, split="test")] == [one.id]
    assert len([*read_cases(file, limit=2)]) == 2
    file.write_text('{"input": "q"}\n{"question": null}\n')
    with pytest.raises(InvalidRequest, match=r"cases\.jsonl, line 2: `input` is missing"):
        [*read_cases(file)]
