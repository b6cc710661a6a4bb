"""The figures themselves are held against other packages in tests/overlap; here what evaluators make of them."""

from typing import Any

import pytest

from pilothouse.errors import ConfigError
from pilothouse.evals.text.overlapping import Bleu, Chrf, Meteor, Rouge, TokenF1

KINDS = [Bleu, Chrf, Rouge, Meteor, TokenF1]
TEXT = "The cat sat quietly on the old mat near the door."


@pytest.mark.parametrize("kind", KINDS)
def test_from_nothing_in_common_to_the_same(judge: Any, kind: Any) -> None:
    same = judge(kind(passing=0.9), TEXT, expected=["Something else entirely", TEXT])
    assert same.score == pytest.approx(1.0, abs=0.001)
    assert same.passed
    part = judge(kind(), "The cat sat on a mat by the door.", expected=TEXT)
    assert 0.1 < part.score < 0.9
    assert part.passed is None
    other = judge(kind(passing=0.5), "Quarterly revenue grew", expected=TEXT)
    assert other.score < 0.1
    assert (other.passed, other.explanation) == (False, f"{other.score:.3f} is below 0.5.")


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_reference_it_is_skipped(judge: Any, kind: Any) -> None:
    assert judge(kind(), TEXT).status == "skipped"
    assert judge(kind(), TEXT, expected=[]).explanation == "The list of expected texts is empty."


@pytest.mark.parametrize("kind", KINDS)
def test_a_least_score_is_one(kind: Any) -> None:
    with pytest.raises(ConfigError, match="is a score between 0 and 1"):
        kind(passing=30)


def test_options_reach_the_measure(judge: Any) -> None:
    assert judge(Bleu(lowercase=True), TEXT.upper(), expected=TEXT).score == pytest.approx(1.0)
    assert judge(Bleu(), TEXT.upper(), expected=TEXT).score < 0.1
    assert judge(Bleu(tokenize="char"), "猫坐在垫子上。", expected="猫坐在垫子上。").score == pytest.approx(1.0)
    one, two = (judge(Rouge(kind=kind), "sat the cat", expected="the cat sat").score for kind in ("rouge1", "rouge2"))
    assert (one, two) == (1.0, 0.5)
    assert judge(Rouge(kind="rouge1", stemming=False), "cats", expected="cat").score == 0.0
    assert judge(Chrf(words=True), TEXT, expected=TEXT[:20]).score != judge(Chrf(), TEXT, expected=TEXT[:20]).score


def test_what_is_too_long_fails_with_a_sentence(judge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pilothouse.overlap.rouge.MOST_PAIRS", 4)
    verdict = judge(Rouge(kind="rougeLsum"), TEXT, expected="The dog sat where it was.")
    assert verdict.status == "failed"
    assert verdict.explanation.startswith("It cannot be measured: ")
