"""The JSON in what judges say, and its values."""

from functools import partial

import pytest

from pilothouse.evals.judges.reading import (
    Malformed,
    by_number,
    choice,
    flag,
    listed,
    number,
    objects_in,
    read,
    string,
    whole,
)

SCORE = partial(whole, name="score", low=1, high=5)


@pytest.mark.parametrize(
    "text",
    [
        '{"score": 4}',
        '\ufeff {"score": 4}\n',
        'Sure! Here it is:\n```json\n{"score": 4}\n```\nAnything else?',
        '{"score": 4,}',
        '{"score": 4, "passed": True, "why": None, "list": [1, 2,],}',
        '{"explanation": "it breaks\na line", "score": 4}',
        '{"explanation": "commas, } and True, stay: ,]", "score": 4,}',
        '<think>Perhaps {"score": 2}? Or { broken</think>\n{"score": 4}',
        'Between {braces} and {1, 2}, by [1]: {"score": "4"}',
        '{"answer": "nothing to see"} {"score": 4}',
        '{"score": 4}\nAgain: {"score": 4}',
        '[{"score": 4.0}]',
    ],
)
def test_an_object_is_found_wherever_it_stands(text: str) -> None:
    assert read(text, SCORE) == 4


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "it is empty"),
        (" \n", "it is empty"),
        ("I'd say 4 out of 5.", "no JSON object"),
        ("4", "no JSON object"),
        ('{"score": 4', "broken"),
        ('{"example": {"score": 5}, "score": ', "broken"),
        ("{'score': 4}", "no JSON object"),
        ('{"score": 4} or rather {"score": 5}', "several JSON objects"),
        ('<think>{"score": 4}', "no JSON object"),
        ('{"rating": 4}', '"score" is missing'),
        ('{"score": 6}', "from 1 to 5, not 6"),
        ('{"score": 0}', "from 1 to 5, not 0"),
        ('{"score": 3.5}', "whole number"),
        ('{"score": true}', "not True"),
        ('{"score": NaN}', "not nan"),
        ('{"score": Infinity}', "not inf"),
        ('{"score": 1e999}', "not inf"),
        ('{"score": null}', "not None"),
        ('{"score": "four"}', "not 'four'"),
        ('{"score": "4/5"}', "not '4/5'"),
        ('{"score": [4]}', "not [4]"),
        ('{"score": 4' + "0" * 5000 + "}", "broken"),
        ('{"a":' * 20_000, "broken"),
        ('{"a":[' * 5_000 + "1", "broken"),
        ("x" * 100_001, "more than 100000 characters"),
    ],
    ids=lambda value: value[:24],
)
def test_what_is_wrong_is_told(text: str, wrong: str) -> None:
    with pytest.raises(Malformed) as caught:
        read(text, SCORE)
    assert wrong in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("piece", ["{", '{"', '\\"', '{"a":1,}', "<think>", '{"a":"\\"', ",}", '{"a":{"b":1},'])
def test_hostile_answers_are_refused(piece: str) -> None:
    """In milliseconds: a search that is quadratic in any of these takes longer than a test may."""
    with pytest.raises(Malformed):
        read((piece * 100_000)[:100_000], SCORE)


def test_many_objects_are_looked_at_up_to_a_bound() -> None:
    assert len(objects_in('{"a": 1} ' * 1000)) == 64
    assert objects_in("no { object } here") == []


def test_values() -> None:
    given = {"a": 0.5, "b": "7.25 ", "c": True, "d": "No", "e": "Not_Found", "f": " text ", "g": [1, 2], "h": 0}
    assert number(given, "a", 0, 1) == 0.5
    assert number(given, "b", 0, 10) == 7.25
    assert [flag(given, name) for name in "cdh"] == [True, False, False]
    assert choice(given, "e", ("supported", "not found")) == "not found"
    assert [string(given, name) for name in "fagz"] == ["text", "", "", ""]
    assert listed(given, "g", 2) == [1, 2]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: flag({"a": "perhaps"}, "a"),
        lambda: flag({"a": 2}, "a"),
        lambda: flag({"a": None}, "a"),
        lambda: choice({"a": 1}, "a", ("yes",)),
        lambda: choice({"a": "yes please"}, "a", ("yes",)),
        lambda: listed({"a": {}}, "a", 5),
        lambda: listed({"a": [1, 2, 3]}, "a", 2),
        lambda: number({"a": False}, "a", 0, 1),
    ],
    ids=range(8),
)
def test_values_of_another_type_are_refused(wrong: object) -> None:
    with pytest.raises(Malformed, match=r'^"a" '):
        wrong()  # type: ignore[operator]


def test_verdicts_by_number_are_one_for_each() -> None:
    read_one = partial(string, name="x")
    rows = [{"n": 2, "x": "b"}, {"n": "1", "x": "a"}]
    assert by_number({"rows": rows}, "rows", "n", 2, read_one) == ["a", "b"]
    for bad, wrong in [
        (rows[:1], "nothing for n 1"), ([rows[0], rows[0]], "two objects for n 2"), ([{"n": 3}], "from 1 to 2"),
        (["a", "b"], "list of objects"), ([{}], "missing"), ([*rows, *rows], "4 items"),
    ]:  # fmt: skip
        with pytest.raises(Malformed, match=wrong):
            by_number({"rows": bad}, "rows", "n", 2, read_one)
