import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.evals.rules.finding import Phrases, folded, undisguised


@pytest.mark.parametrize(
    ("phrase", "text", "there"),
    [
        ("cat", "The Cat sat.", True),
        ("cat", "category", False),
        ("new york", "in New\n  York", True),
        ("C++", "in C++ and C", True),
        ("$5", "it is $5.", True),
        ("$5", "it is $50", False),
        ("東京", "明日は東京へ行く", True),
        ("straße", "STRASSE", True),
    ],
)
def test_phrases_are_found_as_people_would(phrase: str, text: str, there: bool) -> None:
    assert Phrases([phrase]).found(text) == ([phrase] if there else [])


def test_case_may_matter() -> None:
    assert Phrases(["US"], ignore_case=False).found("us") == []


@pytest.mark.parametrize("text", ["s3cr3t", "sécrét", "se\u200bcret", "\uff33\uff25\uff23\uff32\uff25\uff34", "$3cr3t"])
def test_disguises(text: str) -> None:
    assert Phrases(["secret"], disguised=True).found(f"the {text} plan") == ["secret"]
    assert Phrases(["secret"]).found("s3cr3t") == []


def test_numbers_stay_numbers() -> None:
    assert undisguised("0" * 50_000 + " in 2026") == "0" * 50_000 + " in 2026"


@given(st.text(), st.text(), st.text())
def test_a_phrase_by_itself_is_always_found(before: str, phrase: str, after: str) -> None:
    if folded(phrase):
        assert Phrases([phrase]).found(f"{before} {phrase} {after}") == [phrase]
