"""Files of benchmarks as their authors and the hubs write them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pilothouse.errors import InvalidRequest
from pilothouse.evals.benchmarks.formats import read_questions

ARC = {
    "id": "Mercury_1",
    "question": {
        "stem": "What is hot?",
        "choices": [{"text": "ice", "label": "A"}, {"text": "snow", "label": "B"}, {"text": "fire", "label": "C"}],
    },
    "answerKey": "C",
}
ARC_OF_HUBS = {
    "id": "Mercury_1", "question": "What is hot?", "answerKey": "3",
    "choices": {"text": ["ice", "snow", "fire"], "label": ["1", "2", "3"]},
}  # fmt: skip
HELLASWAG = {
    "ind": 24, "activity_label": "Roof shingle removal", "ctx": "[header] A man is sitting on a roof. [step] he",
    "endings": ["is using wrap.", "is ripping tiles off.", "is [title] singing.", "sleeps."], "label": "1",
}  # fmt: skip
TRUTHFUL = {"question": "Is the moon cheese?", "mc1_targets": {"No": 1, "Yes": 0, "Partly": 0}}
TRUTHFUL_OF_HUBS = {
    "question": "Is the moon cheese?",
    "mc1_targets": {"choices": ["No", "Yes", "Partly"], "labels": [1, 0, 0]},
}
GSM8K = {
    "question": "Tom has 1,000 cats and buys 2 dozen. How many?",
    "answer": "He buys 2*12=<<2*12=24>>24.\nSo 1000+24=<<1000+24=1024>>1,024.\n#### 1,024",
}
QA = {
    "id": "q1",
    "question": "Who?",
    "answers": [{"text": "Ada", "answer_start": 0}, {"text": "Ada", "answer_start": 0}, {"text": "She"}],
}
SQUAD: dict[str, Any] = {
    "version": "v2.0",
    "data": [
        {
            "title": "Ada",
            "paragraphs": [
                {
                    "context": "Ada did.",
                    "qas": [QA, {"id": "q2", "question": "When?", "is_impossible": True, "answers": []}],
                }
            ],
        }
    ],
}
SQUAD_OF_HUBS = {**QA, "title": "Ada", "context": "Ada did.", "answers": {"text": ["Ada", "She"], "answer_start": [0]}}


def read(folder: Path, layout: str, *records: Any, name: str = "data.jsonl") -> Any:
    path = folder / name
    path.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in records))
    return read_questions(path, layout)


def test_mmlu_rows_without_a_header(tmp_path: Path) -> None:
    rows = ['"What, then?",ice,snow,"fire, hot",water,C', "How many?,1,2,3,4,A"]
    first, second = read(tmp_path, "mmlu", *rows, name="physics_test.csv")
    assert (first.text, first.choices, first.answers) == ("What, then?", ("ice", "snow", "fire, hot", "water"), ("C",))
    assert second.answers == ("A",)
    headed = read(tmp_path, "mmlu", "question,A,B,C,D,answer", *rows, name="b.csv")
    assert headed == [first, second]


def test_mmlu_records_of_hubs(tmp_path: Path) -> None:
    record = {"question": "How many?", "subject": "physics", "choices": ["1", "2", "3", "4"], "answer": 2}
    (question,) = read(tmp_path, "mmlu", record)
    assert (question.answers, question.subject) == (("C",), "physics")


@pytest.mark.parametrize("record", [ARC, ARC_OF_HUBS], ids=["authors", "hubs"])
def test_arc(tmp_path: Path, record: Any) -> None:
    (question,) = read(tmp_path, "arc", record)
    assert (question.id, question.text, question.choices) == ("Mercury_1", "What is hot?", ("ice", "snow", "fire"))
    assert question.answers == ("C",)


def test_hellaswag(tmp_path: Path) -> None:
    (question,) = read(tmp_path, "hellaswag", HELLASWAG)
    assert question.text.endswith("\nA man is sitting on a roof. he")
    assert (question.answers, question.id, question.subject) == (("B",), "24", "Roof shingle removal")
    assert question.choices[2] == "is singing."


def test_truthfulqa_does_not_have_the_truth_always_first(tmp_path: Path) -> None:
    (question,) = read(tmp_path, "truthfulqa", TRUTHFUL)
    assert question.choices["ABC".index(question.answers[0])] == "No"
    assert read(tmp_path, "truthfulqa", TRUTHFUL_OF_HUBS) == [question]
    several = read(tmp_path, "truthfulqa", *({**TRUTHFUL, "question": f"Is it {n}?"} for n in range(20)))
    assert {one.answers[0] for one in several} == {"A", "B", "C"}


def test_truthfulqa_has_up_to_thirteen_choices(tmp_path: Path) -> None:
    targets = {"choices": [f"choice {n}" for n in range(13)], "labels": [1] + [0] * 12}
    (question,) = read(tmp_path, "truthfulqa", {"question": "Which?", "mc1_targets": targets})
    assert question.choices["ABCDEFGHIJKLM".index(question.answers[0])] == "choice 0"


def test_gsm8k(tmp_path: Path) -> None:
    (question,) = read(tmp_path, "gsm8k", GSM8K)
    assert (question.kind, question.answers) == ("number", ("1024",))
    assert question.worked == "He buys 2*12=24.\nSo 1000+24=1,024."


def test_squad(tmp_path: Path) -> None:
    first, second = read(tmp_path, "squad", SQUAD, name="dev.json")
    assert (first.id, first.text, first.passage, first.answers) == ("q1", "Who?", "Ada did.", ("Ada", "She"))
    assert second.answers == ("unanswerable",)
    assert read(tmp_path, "squad", SQUAD_OF_HUBS) == [first]


def test_tables_of_ones_own(tmp_path: Path) -> None:
    lines = ["question,answer,A,B", "Which?,B,one,two", "Which?,two,one,two", "What?,so,,"]
    first, again, third = read(tmp_path, "table", *lines, name="own.csv")
    assert (first.kind, first.choices, first.answers) == ("choice", ("one", "two"), ("B",))
    assert (again.id, again.answers) == (f"{first.id}-2", ("B",))
    assert (third.kind, third.answers) == ("text", ("so",))
    (listed,) = read(tmp_path, "table", {"input": "Which?", "expected": ["x", "y"]})
    assert listed.answers == ("x", "y")


BROKEN: list[tuple[str, Any, str]] = [
    ("mmlu", {"question": "Q", "choices": ["1", "2"], "answer": 5}, "line 1: .*answer '5' is none of its 2 choices"),
    ("mmlu", {"question": "Q", "choices": ["1"], "answer": 0}, "from 2 to 26 choices"),
    ("arc", {**ARC, "answerKey": "E"}, "answerKey 'E' is none of the labels A, B, C"),
    ("arc", {"question": "Q", "choices": "AB", "answerKey": "A"}, "no list of texts with labels"),
    ("hellaswag", {**HELLASWAG, "label": ""}, "is none of its 4 choices"),
    ("hellaswag", [1], "there must be an object"),
    ("truthfulqa", {**TRUTHFUL, "mc1_targets": {"No": 1, "Yes": 1}}, "2 of its choices are labelled as right"),
    ("gsm8k", {"question": "Q", "answer": "42"}, "does not end in '#### number'"),
    ("squad", {"question": "Q", "context": "C"}, "'answers' is missing"),
    ("table", {"question": "Q"}, "'answer' is missing"),
    ("table", "no json", "is no JSON"),
    ("table", 7, "there must be an object, not 7"),
]


@pytest.mark.parametrize(("layout", "record", "told"), BROKEN, ids=range(len(BROKEN)))
def test_what_does_not_fit_is_told_with_its_place(tmp_path: Path, layout: str, record: Any, told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        read(tmp_path, layout, record)


WHOLE = [
    ("mmlu", {"question": "How many?", "subject": "physics", "choices": ["1", "2", "3", "4"], "answer": 2}),
    ("arc", ARC), ("arc", ARC_OF_HUBS), ("hellaswag", HELLASWAG), ("truthfulqa", TRUTHFUL),
    ("truthfulqa", TRUTHFUL_OF_HUBS), ("gsm8k", GSM8K), ("squad", SQUAD["data"][0]), ("squad", SQUAD_OF_HUBS),
    ("table", {"question": "Q", "answer": "A", "choices": ["x", "y"], "context": "C"}),
]  # fmt: skip


def spoilt(value: Any) -> Iterator[Any]:
    """The same with another thing in each of its places, one at a time."""
    yield from (None, 7, "text", [], {}, [None], {"a": 1})
    if isinstance(value, dict):
        for key in value:
            yield from ({**value, key: other} for other in spoilt(value[key]))
            yield {name: one for name, one in value.items() if name != key}
    if isinstance(value, list):
        for at in range(len(value)):
            yield from ([*value[:at], other, *value[at + 1 :]] for other in spoilt(value[at]))


@pytest.mark.parametrize(("layout", "record"), WHOLE, ids=range(len(WHOLE)))
def test_no_record_breaks_a_reader(tmp_path: Path, layout: str, record: Any) -> None:
    taken = refused = 0
    for one in spoilt(record):
        try:
            taken += bool(read(tmp_path, layout, one))
        except InvalidRequest:
            refused += 1
    assert taken
    assert refused >= 7


def test_files_that_are_empty_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="holds no question"):
        read(tmp_path, "arc", "")
    for layout, name in (("mmlu", "away.csv"), ("arc", "away.jsonl")):
        with pytest.raises(InvalidRequest, match="cannot be read"):
            read_questions(tmp_path / name, layout)
