"""The pull of length, and of a judge's own kind."""

import pytest

from pilothouse.evals.cards.leaning import length_bias, self_preference
from pilothouse.evals.cards.ratings import Rating
from pilothouse.stats.agreement import Label
from pilothouse.stats.paired import mcnemar


def pair(item: int, judge: str, people: str | None, lengths: tuple[int, ...], models: tuple[str, ...] = ()) -> Rating:
    return Rating(item=str(item), judge=judge, people=people, lengths=lengths, models=models)


def test_a_judge_that_always_takes_the_longer_of_two() -> None:
    """The judge takes it each of 8 times, people 5 of 7; of 6 that both decided 2 differ, both to the longer."""
    told = [
        *(pair(i, "win", "win", (9, 3)) for i in range(4)),
        pair(4, "loss", "win", (3, 9)), pair(5, "win", "loss", (9, 3)),
        pair(6, "win", None, (9, 3)), pair(7, "win", "tie", (9, 3)), pair(8, "tie", "win", (9, 3)),
        pair(9, "win", "loss", (5, 5)),
    ]  # fmt: skip
    found = length_bias(told, "pairs")
    assert found is not None
    assert found.people is not None
    assert found.difference is not None
    assert (found.judge and found.judge.value, found.judge and found.judge.n) == (1.0, 8)
    assert (found.people.value, found.people.n) == (pytest.approx(5 / 7), 7)
    assert (found.n, found.difference.value, found.p) == (6, pytest.approx(2 / 6), mcnemar(2, 0))


def test_without_people_it_is_the_judges_figure_alone() -> None:
    found = length_bias([pair(i, "win", None, (9, 3)) for i in range(3)], "pairs")
    assert found is not None
    assert (found.people, found.difference, found.n, found.p) == (None, None, 0, None)


def test_lengths_that_are_not_known_say_nothing() -> None:
    assert length_bias([Rating(item="1", judge="win")], "pairs") is None
    assert length_bias([Rating(item="1", judge=3)], "levels") is None


def level(item: int, judge: Label, people: Label, length: int, model: str = "") -> Rating:
    return Rating(item=str(item), judge=judge, people=people, lengths=(length,), models=(model,) if model else ())


def test_levels_of_longer_answers_against_those_of_shorter_ones() -> None:
    """People give all answers 3; the judge one level more to long ones."""
    told = [level(i, 4 if i % 2 else 3, 3 if i else 4, 100 if i % 2 else 10) for i in range(40)]
    found = length_bias(told, "levels")
    assert found is not None
    assert found.judge is not None
    assert found.difference is not None
    assert found.difference.low is not None
    assert (found.judge.value, found.n, found.p) == (1.0, 40, None)
    assert found.difference.value == pytest.approx(1.05)
    assert found.difference.low > 0.7


def test_scores_that_are_all_equal_have_no_interval() -> None:
    found = length_bias([level(i, 3, 3, i) for i in range(6)], "levels")
    assert found is not None
    assert found.judge is not None
    assert (found.judge.value, found.judge.low) == (0.0, None)


def test_a_judge_that_prefers_its_own_kind() -> None:
    of_both = ("gpt-4o", "claude-3-haiku")
    told = [pair(i, "win", "loss" if i < 5 else "win", (), of_both) for i in range(10)]
    told += [pair(i, "loss", "win", (), ("gpt-4o", "o3")) for i in range(10, 15)]
    found = self_preference(told, "pairs", "openai/gpt-4.1")
    assert found is not None
    assert found.people is not None
    assert (found.judge and found.judge.value, found.people.value, found.n) == (1.0, 0.5, 10)
    assert found.p == mcnemar(5, 0)
    other = self_preference(told, "pairs", "claude-3-opus")
    assert other is not None
    assert other.judge is not None
    assert other.judge.value == 0.0
    assert self_preference(told, "pairs", "gemini-2.0-flash") is None
    assert self_preference(told, "pairs", "gpt-4o, claude-3-haiku") is None


def test_levels_for_its_own_kind() -> None:
    told = [level(i, 5 if i < 10 else 3, 3 + i % 2, 1, "gpt-4o" if i < 10 else "llama-3") for i in range(20)]
    found = self_preference(told, "levels", "gpt-4o")
    assert found is not None
    assert found.difference is not None
    assert found.difference.value == pytest.approx(2.0)
    assert self_preference([level(i, 5, 3, 1) for i in range(9)], "levels", "gpt-4o") is None
