"""METEOR-style scores against NLTK's without its synonyms, and by hand."""

import pytest
from hypothesis import given, settings
from nltk.translate.meteor_score import single_meteor_score

from pilothouse.overlap.meteor import meteor
from pilothouse.overlap.tokens import words
from tests.overlap.texts import real_pairs, related


class NoSynonyms:
    """WordNet without a word in it."""

    def synsets(self, word: str) -> list[object]:
        return []


def oracle(hypothesis: str, reference: str) -> float:
    return single_meteor_score(words(reference), words(hypothesis), wordnet=NoSynonyms())


@settings(deadline=None)
@given(related())
def test_made_up_texts_with_several_references(texts: tuple[str, list[str]]) -> None:
    hypothesis, references = texts
    ours = meteor(hypothesis, references)
    assert ours.score == pytest.approx(max(oracle(hypothesis, text) for text in references), abs=1e-6, rel=0)
    assert 0 <= ours.score < 1
    assert ours.chunks <= ours.matches


def test_sentences_of_the_documentation() -> None:
    for changed, text in real_pairs():
        assert meteor(changed, text).score == pytest.approx(oracle(changed, text), abs=1e-6, rel=0)


def test_by_hand() -> None:
    """Three of three and of four words, one by its stem, in two pieces."""
    found = meteor("the dogs barked", "the dog loudly barked")
    assert (found.matches, found.chunks) == (3, 2)
    mean = 1.0 * 0.75 / (0.9 * 1.0 + 0.1 * 0.75)
    assert found.score == pytest.approx(mean * (1 - 0.5 * (2 / 3) ** 3))
    assert meteor("one two three", "one two three").score == pytest.approx(1 - 0.5 / 27)
    assert meteor("", "a") == meteor("a", "") == meteor("🙂", "🙂") == meteor("x", "y") == (0.0, 0, 0)
    with pytest.raises(ValueError, match="at least one reference"):
        meteor("a", [])
