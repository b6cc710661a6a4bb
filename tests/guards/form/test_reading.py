import json

import pytest

from pilothouse.guards.form.reading import NotJson, readings, strict, written


@pytest.mark.parametrize(
    "text", ["", " ", "{'a': 1}", "NaN", "[1,]", '{"a": 1} x', "[" * 3000 + "]" * 3000, '"\ud800"', "1e999"],
    ids=["nothing", "blank", "quotes", "nan", "comma", "more", "deep", "half", "infinite"],
)  # fmt: skip
def test_what_is_no_json_is_told_without_its_words(text: str) -> None:
    with pytest.raises(NotJson) as error:
        strict(text)
    assert "'a'" not in str(error.value)


def test_of_keys_that_stand_twice_the_last_counts_and_it_is_told() -> None:
    assert strict('[{"a": 1, "a": {"b": 2, "b": 3}}]') == ([{"a": {"b": 3}}], ("duplicates",))
    assert strict('{"a": {"a": 1}}').mended == ()


def test_the_plainest_reading_comes_first() -> None:
    text = 'First {"a": 1}, then\n{"b": 2}\nand\n```json\n{"c": [3]}\n```'
    assert [reading.value for reading in readings(text)] == [{"c": [3]}, {"a": 1}, {"b": 2}, {"c": [3]}]
    assert [reading.value for reading in readings('As [1] says: {"a": [2]}', "{")] == [{"a": [2]}]
    assert readings("no JSON at all") == []


def test_a_fence_inside_of_a_value_is_none() -> None:
    value = {"code": "```py\nprint(1)\n```"}
    assert readings(f"{json.dumps(value)} done")[0].value == value


def test_what_json_cannot_say_becomes_what_it_can() -> None:
    reading = readings("{'a': Infinity, 'b': '\ud800'}")[0]
    assert json.loads(written(reading.value)) == {"a": "Infinity", "b": "\ufffd"}
    assert "characters" in reading.mended


@pytest.mark.parametrize("text", ["{“a”: “b”}", "{&quot;a&quot;: &quot;b&quot;}", r"{\"a\": \"b\"}"])
def test_quotes_may_be_others_where_there_are_none_of_json(text: str) -> None:
    assert readings(text) == [({"a": "b"}, ("syntax",))]
    assert readings("{'a': '“'}") == [({"a": "“"}, ("syntax",))]


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ('{"a": [1, 2', "cut"), ('{"a": "b', "cut"), ('[{"a": 1}, {"b', "cut"), ('{"a":', "cut"), ('{a: "b"', "cut"),
        ('{"a": {"b": "c"', "closed"), ("{'a': [true, 'b'", "closed"), ("{'a': 1,}", "syntax"), ("{a: 1}", "syntax"),
    ],
)  # fmt: skip
def test_how_it_was_broken_is_told(text: str, how: str) -> None:
    assert readings(text)[0].mended == (how,)
