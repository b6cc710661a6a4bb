"""chrF and chrF++ against sacrebleu, and by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import CHRF

from pilothouse.overlap.chrf import chrf_counts, corpus_chrf, sentence_chrf
from tests.overlap.texts import real_pairs, related

ORACLES = {False: CHRF(), True: CHRF(word_order=2)}
near = {"abs": 1e-6, "rel": 0}


@settings(deadline=None)
@given(related(), st.booleans())
def test_made_up_texts_with_several_references(texts: tuple[str, list[str]], words: bool) -> None:
    hypothesis, references = texts
    ours = sentence_chrf(hypothesis, references, words=words)
    assert ours == pytest.approx(ORACLES[words].sentence_score(hypothesis, references).score, **near)
    assert 0 <= ours <= 100 + 1e-9


@settings(max_examples=30, deadline=None)
@given(st.lists(related(most=1), min_size=1, max_size=5), st.booleans())
def test_a_corpus_is_its_counts_added_up(texts: list[tuple[str, list[str]]], words: bool) -> None:
    hypotheses, references = [text for text, _ in texts], [others[0] for _, others in texts]
    oracle = ORACLES[words].corpus_score(hypotheses, [references]).score
    assert corpus_chrf(hypotheses, references, words=words) == pytest.approx(oracle, **near)


@pytest.mark.parametrize("words", [False, True], ids=["chrF", "chrF++"])
def test_sentences_of_the_documentation(words: bool) -> None:
    pairs = real_pairs()
    for changed, text in pairs:
        oracle = ORACLES[words].sentence_score(changed, [text]).score
        assert sentence_chrf(changed, text, words=words) == pytest.approx(oracle, **near)
        assert sentence_chrf(text, text, words=words) == pytest.approx(100)
    hypotheses, references = [changed for changed, _ in pairs], [text for _, text in pairs]
    oracle = ORACLES[words].corpus_score(hypotheses, [references]).score
    assert corpus_chrf(hypotheses, references, words=words) == pytest.approx(oracle, **near)


def test_texts_of_thousands_of_different_characters() -> None:
    one = "".join(map(chr, range(0x4E00, 0x5300))) * 2
    other = one[700:1900] + one[:300] + "語" + one[100:900]
    assert sentence_chrf(one, other) == pytest.approx(ORACLES[False].sentence_score(one, [other]).score, **near)


def test_by_hand() -> None:
    """*abcd* and *abxd*: 3 of 4 characters, 1 of 3 pairs, nothing longer; orders 5 and 6 are not there."""
    counts = chrf_counts("ab cd", "abxd")
    assert counts.hits == (3, 1, 0, 0, 0, 0)
    assert counts.totals == counts.reference_totals == (4, 3, 2, 1, 0, 0)
    assert sentence_chrf("ab cd", "abxd") == pytest.approx(100 * (3 / 4 + 1 / 3) / 4)


def test_odd_texts() -> None:
    assert sentence_chrf("", "a") == sentence_chrf("a", "") == sentence_chrf("", "") == sentence_chrf(" \n", " ") == 0
    assert sentence_chrf("🙂👍🏽", "🙂👍🏽") == sentence_chrf("\ud800", "\ud800") == pytest.approx(100)
    assert sentence_chrf("我爱北京", "我爱上海") == pytest.approx(
        ORACLES[False].sentence_score("我爱北京", ["我爱上海"]).score
    )
    with pytest.raises(ValueError, match="at least one reference"):
        sentence_chrf("a", [])
    with pytest.raises(ValueError, match="1 texts and the references of 2"):
        corpus_chrf(["a"], ["a", "b"])
