"""Stems, slips of the keys, and the past of verbs."""

import pytest

from pilothouse.cache.word_forms import misspelt, past, root


@pytest.mark.parametrize(
    ("one", "other"),
    [("leaves", "leaf"), ("stopping", "stop"), ("bought", "buy"), ("colour", "color"), ("city", "cities")],
)
def test_forms_of_one_word_have_one_root(one: str, other: str) -> None:
    assert root(one) == root(other)


@pytest.mark.parametrize(("one", "other"), [("kubernetes", "kuberetes"), ("waterr", "water"), ("hiusd", "hiuds")])
def test_a_slip_of_the_keys(one: str, other: str) -> None:
    assert misspelt(one, other)
    assert misspelt(other, one)


@pytest.mark.parametrize(
    ("one", "other"), [("cat", "car"), ("austria", "australia"), ("pedal", "metal"), ("oil", "soil")]
)
def test_other_words_are_no_slips(one: str, other: str) -> None:
    assert not misspelt(one, other)


def test_the_past_of_verbs() -> None:
    assert [past(word) for word in ("lived", "paid", "live", "children", "pays")] == [True, True, False, False, False]
