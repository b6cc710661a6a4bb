import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.guards.form.growing import NOTHING, Growing

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12
)
ROOTS = st.lists(VALUES, max_size=4) | st.dictionaries(st.text(), VALUES, max_size=4)


def within(part: Any, whole: Any) -> bool:
    """Whether a value may grow to another."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and within(one, whole[key]) for key, one in part.items())
    if isinstance(part, list):
        return isinstance(whole, list) and len(part) <= len(whole) and all(map(within, part, whole))
    return whole.startswith(part) if isinstance(part, str) and isinstance(whole, str) else part == whole


@given(ROOTS, st.booleans(), st.lists(st.integers(0, 400), max_size=30), st.sampled_from(["", "Here: ", "```json\n"]))
def test_each_moment_is_a_part_of_the_end_however_the_text_is_cut(
    value: Any, plain: bool, cuts: list[int], before: str
) -> None:
    text = before + json.dumps(value, ensure_ascii=plain, indent=2 if plain else None)
    growing, last = Growing(), NOTHING
    places = sorted({0, len(text), *(at % (len(text) + 1) for at in cuts)})
    for start, end in pairwise(places):
        growing.feed(text[start:end])
        now = growing.grown.value
        if now is not NOTHING:
            assert within(now, value)
            assert last is NOTHING or within(last, now)
            last = now
    assert growing.complete
    assert growing.grown == (value, ())


def test_what_is_open_is_told_by_its_keys() -> None:
    growing = Growing()
    growing.feed('{"a": 1, "b": [{"c": "x"}, {"d": "so f')
    assert growing.grown == ({"a": 1, "b": [{"c": "x"}, {"d": "so f"}]}, ("b", 1, "d"))
    growing.feed('ar"}, 12')
    assert growing.grown == ({"a": 1, "b": [{"c": "x"}, {"d": "so far"}]}, ("b",))
    growing.feed('3], "e": tr')
    assert growing.grown.value["b"][2] == 123
    assert not growing.broken


def test_what_is_meant_is_taken_as_it_is_meant() -> None:
    growing = Growing()
    growing.feed("{'a': True, 'b': [None, 1,], \"c\": 'it\\'s\n', } and so on {")
    assert growing.complete
    assert growing.grown.value == {"a": True, "b": [None, 1], "c": "it's\n"}


@pytest.mark.parametrize(
    "text", ['{"a" 1', "{a: 1", '{"a": }', "[1}", '["\\x', "[nope ", '{"a": 1]', "[" * 300, '{"a": , "b": 1}', "[01 "]
)
def test_what_is_no_json_breaks_and_grows_no_more(text: str) -> None:
    growing = Growing()
    growing.feed(text)
    growing.feed('"more"]}')
    assert growing.broken
    assert not growing.complete
