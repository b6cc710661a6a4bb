"""Records of several tools as items, and what is said of one that is none."""

from typing import Any

import pytest

from pilothouse.errors import InvalidRequest
from pilothouse.evals.datasets.records import item_of_record
from pilothouse.storage.evaluating.dataset_items import NewItem

CHAT = [{"role": "user", "content": "2+2?"}]


@pytest.mark.parametrize(
    ("record", "item"),
    [
        (
            {
                "id": 7, "input": "q", "expected": 1, "context": "p", "metadata": {"a": 1}, "split": "test",
                "level": "hard",
            },
            NewItem(key="7", input="q", expected=1, context=("p",), metadata={"a": 1, "level": "hard"}, split="test"),
        ),
        (
            {
                "id": "i", "status": "ACTIVE", "input": {"q": 1}, "expectedOutput": {"a": 2}, "metadata": None,
                "sourceTraceId": "t", "sourceObservationId": "s", "datasetName": "d", "createdAt": "2026-01-01",
                "mediaReferences": [],
            },
            NewItem(key="i", input={"q": 1}, expected={"a": 2}, source_trace="t", source_span="s"),
        ),
        ({"input": CHAT, "ideal": ["4", "four"]}, NewItem(input=CHAT, expected=["4", "four"])),
        (
            {"item": {"question": "q", "ground_truth": "a", "topic": "x"}},
            NewItem(input="q", expected="a", metadata={"topic": "x"}),
        ),
        (
            {"item": {"ticket_text": "it does not start", "correct_label": "Hardware"}},
            NewItem(input={"ticket_text": "it does not start", "correct_label": "Hardware"}),
        ),
        (
            {
                "id": "t/s", "input": "q", "output": "a", "scores": [],
                "metadata": {"trace_id": "t", "span_id": "s", "kind": "llm"},
            },
            NewItem(
                key="t/s", input="q", metadata={"kind": "llm", "output": "a", "scores": []}, source_trace="t",
                source_span="s",
            ),
        ),
        (
            {"question": "q", "answer": "a", "contexts": ["x", "y"]},
            NewItem(input="q", expected="a", context=("x", "y")),
        ),
        ({"input": "q", "expectedOutput": "a", "status": "ARCHIVED"}, None),
    ],
    ids=["ours", "langfuse", "openai", "openai item", "openai item of other fields", "a step", "ragas", "archived"],
)  # fmt: skip
def test_a_record_is_read_as_who_wrote_it_meant(record: Any, item: NewItem | None) -> None:
    assert item_of_record(record, "here") == item


def test_columns_name_what_the_names_do_not() -> None:
    item = item_of_record({"text": "t", "label": "l", "input": "other"}, "here", {"input": "text", "expected": "label"})
    assert item == NewItem(input="t", expected="l", metadata={"input": "other"})


@pytest.mark.parametrize(
    ("record", "columns", "param", "said"),
    [
        ([], {}, None, "line 3: is no JSON object"),
        ({"text": "q", "b": 1}, {}, "input", "line 3: `input` is missing; there is `text`, `b`."),
        ({"input": None}, {}, "input", "`input` is missing"),
        ({"input": "q", "context": [1]}, {}, "context", "line 3: `context` must be a text or a list of texts"),
        ({"input": "q", "metadata": "m"}, {}, "metadata", "line 3: `metadata` must be a JSON object"),
        ({"input": "q", "id": 1.5}, {}, "id", "line 3: `id` must be a text"),
        ({"input": "q", "split": True}, {}, "split", "line 3: `split` must be a text"),
        ({"q": 1}, {"input": "text"}, "text", "line 3: `text` is missing; there is `q`."),
        ({"q": 1}, {"colour": "q"}, "columns", "'colour' is nothing an item has"),
    ],
    ids=str,
)
def test_what_is_wrong_is_told_with_its_line_and_key(record: Any, columns: Any, param: str | None, said: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        item_of_record(record, "line 3", columns)
    assert said in error.value.message
    assert error.value.param == param
