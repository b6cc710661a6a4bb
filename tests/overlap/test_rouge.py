"""ROUGE against rouge-score, and by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from pilothouse.overlap import rouge as module
from pilothouse.overlap.matches import Match
from pilothouse.overlap.rouge import rouge, rouge_l
from pilothouse.overlap.tokens import words
from tests.overlap.texts import real_pairs, related

KINDS = ("rouge1", "rouge2", "rouge4", "rougeL", "rougeLsum")
ORACLES = {stemming: RougeScorer(KINDS, use_stemmer=stemming) for stemming in (False, True)}


def agree(hypothesis: str, references: list[str], stemming: bool) -> dict[str, Match]:
    ours = rouge(hypothesis, references, KINDS, stemming=stemming)
    theirs = ORACLES[stemming].score_multi(references, hypothesis)
    for kind in KINDS:
        assert ours[kind] == pytest.approx(tuple(theirs[kind]), abs=1e-6, rel=0), kind
    return ours


@settings(deadline=None)
@given(related(), st.booleans())
def test_made_up_texts_with_several_references(texts: tuple[str, list[str]], stemming: bool) -> None:
    for score in agree(*texts, stemming).values():
        assert all(0 <= number <= 1 for number in score)


@pytest.mark.parametrize("stemming", [False, True], ids=["words", "stems"])
def test_sentences_of_the_documentation(stemming: bool) -> None:
    for changed, text in real_pairs():
        agree(changed, [text], stemming)
        assert set(rouge(text, text, ("rouge1", "rougeL"), stemming=stemming).values()) == {Match(1, 1, 1)}


def test_summaries_of_several_sentences() -> None:
    pairs = real_pairs()
    for start in range(0, len(pairs) - 5, 5):
        part = pairs[start : start + 5]
        agree("\n".join(c for c, _ in part[::-1]), ["\n".join(t for _, t in part)], stemming=False)


@settings(deadline=None)
@given(related(most=1))
def test_the_other_way_round_precision_and_recall_change_places(texts: tuple[str, list[str]]) -> None:
    hypothesis, (reference,) = texts
    for kind in ("rouge1", "rouge2", "rougeL"):
        one, other = rouge(hypothesis, reference, [kind])[kind], rouge(reference, hypothesis, [kind])[kind]
        assert (one.precision, one.recall) == (other.recall, other.precision)


def test_by_hand() -> None:
    """The example of Lin 2004: *the gunman kill police* has three words of four in common, two of them in order."""
    reference = "police killed the gunman"
    ordered, turned = rouge("police kill the gunman", reference), rouge("the gunman kill police", reference)
    assert (ordered["rougeL"].f, turned["rougeL"].f) == (0.75, 0.5)
    assert ordered["rouge1"].f == turned["rouge1"].f == 0.75
    assert rouge("police kill the gunman", reference, stemming=True)["rougeL"].f == 1.0
    assert rouge_l(["a"], []) == Match(0.0, 0.0, 0.0)


def test_sentences_by_hand() -> None:
    """Section 3.2 of Lin 2004: w1 w2 and w1 w3 w5 together cover four of the five words of the reference."""
    score = rouge("w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5", "w1 w2 w3 w4 w5", ["rougeLsum"])["rougeLsum"]
    assert (score.recall, score.precision) == (0.8, 0.4)


def test_other_scripts_have_no_words_for_it_unless_told() -> None:
    assert rouge("我爱北京", "我爱北京")["rouge1"] == Match(0.0, 0.0, 0.0)
    assert rouge("我爱北京", "我爱上海", ["rouge1"], tokenize=words)["rouge1"].f == 0.5
    assert (
        rouge("🙂 !", "🙂 !")["rougeL"]
        == rouge("", "a")["rougeL"]
        == rouge("\ud800", "")["rougeL"]
        == Match(0.0, 0.0, 0.0)
    )


def test_what_cannot_be_scored_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("rouge", "rouge0", "rouge12", "rougeW"):
        with pytest.raises(ValueError, match=f"no kind of ROUGE is called '{kind}'"):
            rouge("a", "a", [kind])
    with pytest.raises(ValueError, match="at least one reference"):
        rouge("a", [])
    monkeypatch.setattr(module, "MOST_PAIRS", 7)
    assert rouge("a b", "a\nb", ["rougeLsum"])["rougeLsum"].f == 1.0
    with pytest.raises(ValueError, match="8 pairs for ROUGE-Lsum, 7 are the most"):
        rouge("a\nb", "a\nb", ["rougeLsum"])
