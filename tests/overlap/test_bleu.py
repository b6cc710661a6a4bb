"""BLEU against sacrebleu, and by hand."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU

from pilothouse.overlap.bleu import Bleu, bleu_counts, bleu_score, corpus_bleu, sentence_bleu
from tests.overlap.texts import real_pairs, related

SENTENCE = {name: BLEU(effective_order=True, tokenize=name) for name in ("13a", "intl", "char", "none")}
LOWERED, CORPUS = BLEU(effective_order=True, lowercase=True), BLEU()


def same(ours: Bleu, theirs: object) -> bool:
    numbers = (ours.score, ours.brevity_penalty, *ours.precisions)
    oracle = (theirs.score, theirs.bp, *theirs.precisions)  # type: ignore[attr-defined]
    lengths = (ours.length, ours.reference_length) == (theirs.sys_len, theirs.ref_len)  # type: ignore[attr-defined]
    return lengths and numbers == pytest.approx(oracle, abs=1e-6, rel=0)


@settings(deadline=None)
@given(related(), st.sampled_from(sorted(SENTENCE)))
def test_made_up_texts_with_several_references(texts: tuple[str, list[str]], tokenize: str) -> None:
    hypothesis, references = texts
    ours = sentence_bleu(hypothesis, references, tokenize=tokenize)
    assert same(ours, SENTENCE[tokenize].sentence_score(hypothesis, references))
    assert 0 <= ours.score <= 100 + 1e-9


def test_sentences_of_the_documentation() -> None:
    for changed, text in real_pairs():
        assert same(sentence_bleu(changed, text), SENTENCE["13a"].sentence_score(changed, [text]))
        assert same(sentence_bleu(changed, text, lowercase=True), LOWERED.sentence_score(changed, [text]))
        assert sentence_bleu(text, text).score == pytest.approx(100)


def test_long_texts_with_one_reference_and_with_two() -> None:
    pairs = real_pairs()
    changed, text = " ".join(c for c, _ in pairs), " ".join(t for _, t in pairs)
    for references in ([text], [text[200:], text[:3000]], ["foreign " * 200]):
        assert same(sentence_bleu(changed, references), SENTENCE["13a"].sentence_score(changed, references))
    many = " ".join(map(str, range(40_000)))  # different words, more than one sort has room for
    assert sentence_bleu(many, many).score == pytest.approx(100)


@settings(max_examples=30, deadline=None)
@given(st.lists(related(most=1), min_size=1, max_size=6))
def test_a_corpus_is_its_counts_added_up(texts: list[tuple[str, list[str]]]) -> None:
    hypotheses = [hypothesis for hypothesis, _ in texts]
    ours = corpus_bleu(hypotheses, [references for _, references in texts])
    assert same(ours, CORPUS.corpus_score(hypotheses, [[references[0] for _, references in texts]]))


def test_a_corpus_of_the_documentation_with_two_references() -> None:
    pairs = real_pairs()
    hypotheses, first, second = [c for c, _ in pairs], [t for _, t in pairs], [t for _, t in pairs[::-1]]
    ours = corpus_bleu(hypotheses, list(zip(first, second, strict=True)))
    assert same(ours, CORPUS.corpus_score(hypotheses, [first, second]))
    counts = [bleu_counts(*pair) for pair in pairs]
    assert bleu_score(sum(counts[1:], counts[0])) == corpus_bleu(hypotheses, first)


def test_by_hand() -> None:
    """The clipped count of Papineni et al.: of seven times *the* the reference allows two."""
    clipped = bleu_counts("the the the the the the the", ["The cat is on the mat", "there the cat is on the mat"])
    assert (clipped.hits, clipped.totals) == ((2, 0, 0, 0), (7, 6, 5, 4))
    # 5 of 6 words, 3 of 5 pairs, 1 of 4 triples, no four of 3: that counts as a half.
    ours = sentence_bleu("the cat sat on the mat", "the cat is on the mat")
    assert ours.score == pytest.approx(100 * math.exp(sum(map(math.log, (5 / 6, 3 / 5, 1 / 4, 0.5 / 3))) / 4))
    short = sentence_bleu("the cat", "the cat sat")
    assert (short.score, short.brevity_penalty) == (pytest.approx(100 * math.exp(-0.5)), pytest.approx(math.exp(-0.5)))


@pytest.mark.parametrize("text", ["", " ", "\n"], ids=["nothing", "a space", "a line"])
def test_an_empty_text_has_no_overlap(text: str) -> None:
    assert sentence_bleu(text, "a b").score == sentence_bleu("a b", text).score == sentence_bleu(text, text).score == 0


def test_chinese_is_one_token_unless_cut_by_character() -> None:
    one, other = "我爱北京天安门", "我爱上海天安门"
    assert sentence_bleu(one, other).score == 0
    assert sentence_bleu(one, other, tokenize="char").score > 30


def test_what_cannot_be_scored_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one reference"):
        sentence_bleu("a", [])
    with pytest.raises(ValueError, match="'14b': there are 13a"):
        sentence_bleu("a", "a", tokenize="14b")
    with pytest.raises(ValueError, match="2 texts and the references of 1"):
        corpus_bleu(["a", "b"], ["a"])
    with pytest.raises(ValueError, match="0 texts"):
        corpus_bleu([], [])
