"""What neighbouring sentences share."""

import pytest

from pilothouse.overlap.coherence import coherence, content_stems


def test_by_hand() -> None:
    """*cat* links the first two sentences, by its stem; nothing links the third."""
    found = coherence("The cat sat. The cats slept. It rained.")
    assert (found.sentences, found.linked) == (3, 0.5)
    assert found.overlap == pytest.approx((2 / 4 + 0) / 2)


def test_equal_sentences_share_all_and_function_words_nothing() -> None:
    assert coherence("Cats sleep. Cats sleep.") == (2, 1.0, 1.0)
    assert coherence("This is about cats. This is about dogs.") == (2, 0.0, 0.0)


@pytest.mark.parametrize("text", ["", "One sentence here.", "!!! 🙂", "It is. So be it."])
def test_one_sentence_hangs_together_with_nothing(text: str) -> None:
    assert coherence(text).linked is coherence(text).overlap is None


def test_order_counts() -> None:
    ordered = "Dogs bark. Barking annoys neighbours. Neighbours complain loudly."
    assert coherence(ordered).linked == 1.0
    assert coherence("Dogs bark. Neighbours complain loudly. Barking annoys neighbours.").linked == 0.5


def test_content_stems_are_each_there_once() -> None:
    assert content_stems("The pumps and the pump were leaking; it leaked.") == ["pump", "leak"]
