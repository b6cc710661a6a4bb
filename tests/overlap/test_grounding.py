import numpy as np
import pytest

from pilothouse.overlap.grounding import nearest, resting, shared_words, spoken, windows

CONTEXT = (
    "The pump holds twelve litres of water. It was built in Leeds in 1987.",
    "Close the red valve before the tank is drained. Wear gloves.",
)


def test_the_share_of_words_by_hand() -> None:
    """Content words: pump, leak, oil, of which the first is there; valve and close, by their stems; none."""
    said = ["The pump leaks oil.", "Closing valves.", "It is."]
    assert shared_words(said, CONTEXT) == [pytest.approx(1 / 3), 1.0, None]


def test_windows_are_sentences_and_pairs_of_them_within_a_passage() -> None:
    assert windows(["One two. Six.", "End.", "End."]) == ["One two.", "Six.", "One two. Six.", "End."]


def test_words_weigh_three_times_as_much_as_nearness() -> None:
    assert resting(1.0, 0.2) == pytest.approx(0.8)
    assert resting(None, 0.2) == 0.2


def test_the_nearest_row_counts() -> None:
    said = np.array([[1, 0], [0, -1]], dtype=np.float32)
    there = np.array([[0, 1], [0.6, 0.8]], dtype=np.float32)
    assert nearest(said, there).tolist() == pytest.approx([0.6, 0.0])


def test_a_long_question_is_left_out() -> None:
    assert spoken("Where?", "Leeds.") == "Where? Leeds."
    assert spoken("Where? " * 50, "Leeds.") == spoken("", "Leeds.") == "Leeds."
