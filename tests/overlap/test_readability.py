"""Lengths of words and sentences, variety, repetition."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.overlap.readability import readability, syllables

SYLLABLES = """
cat 1 the 1 table 2 people 2 make 1 makes 1 wanted 2 played 1 changes 2 beautiful 3 readability 5 science 2 previous 3
media 3 question 2 nation 2 special 2 created 3 something 2 specifically 4 element 3 mechanism 4 don't 1 unique 2
actual 3 evaluation 5 idle 2 called 1 hundred 2 x 1
"""


def test_syllables() -> None:
    pairs = SYLLABLES.split()
    assert {word: syllables(word) for word in pairs[::2]} == {
        word: int(number) for word, number in zip(pairs[::2], pairs[1::2], strict=True)
    }
    assert syllables("business") == 3  # one of the 2 % that rules get wrong


def test_by_hand() -> None:
    """10 words of one syllable in 2 sentences."""
    found = readability("The cat sat on the mat. The dog sat too.")
    assert (found.sentences, found.words, found.syllables_per_word) == (2, 10, 1.0)
    assert found.flesch == pytest.approx(206.835 - 1.015 * 5 - 84.6)
    assert found.grade == pytest.approx(0.39 * 5 + 11.8 - 15.59)
    assert found.characters_per_word == pytest.approx(2.9)
    assert found.type_token_ratio == found.moving_type_token_ratio == pytest.approx(0.7)
    assert found.repetition == 0.0


def test_longer_words_and_sentences_are_harder() -> None:
    easy = readability("We ran home. It was late. We ate.")
    hard = readability(
        "Notwithstanding considerable administrative difficulties, international organisations cooperated."
    )
    assert easy.flesch is not None
    assert hard.flesch is not None
    assert easy.flesch > 90 > 0 > hard.flesch


def test_a_text_that_turns_in_circles_repeats_itself() -> None:
    assert readability("I am sorry about that. " * 20).repetition == pytest.approx(1 - 5 / 97)
    assert readability("one two three").repetition is None


@settings(deadline=None)
@given(st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=120))
def test_the_moving_share_of_different_words_is_the_mean_of_its_windows(words: list[str]) -> None:
    size = min(50, len(words))
    windows = [words[at : at + size] for at in range(len(words) - size + 1)]
    expected = sum(len(set(window)) / size for window in windows) / len(windows)
    assert readability(" ".join(words)).moving_type_token_ratio == pytest.approx(expected)


def test_nothing_is_said_of_what_is_not_there() -> None:
    for text in ("", "...", "🙂", "\n"):
        assert readability(text) == (0, 0, *[None] * 8)
    chinese = readability("你好。再见！")
    assert (chinese.sentences, chinese.words, chinese.flesch, chinese.grade) == (2, 4, None, None)
    assert readability("\ud800").words == 1
