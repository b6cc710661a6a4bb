"""Strengths from comparisons of two."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.stats.ranking import Game, bradley_terry

GAMES = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from("def"), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=30
)


def played(strengths: dict[str, float], rounds: int, seed: int) -> list[Game]:
    random = np.random.default_rng(seed)
    names = list(strengths)
    found: list[Game] = []
    for _ in range(rounds):
        one, other = (names[place] for place in random.choice(len(names), 2, replace=False))
        wins = random.random() < 1 / (1 + math.exp(strengths[other] - strengths[one]))
        found.append((one, other, float(wins)))
    return found


def test_two_by_hand() -> None:
    found = bradley_terry([("a", "b", 1.0)] * 3 + [("a", "b", 0.0)], prior=0.0)
    first, second = found.rated
    assert (first.name, first.strength, second.strength) == ("a", pytest.approx(math.log(3) / 2), -first.strength)
    assert first.high - first.strength == pytest.approx(1.959964 * math.sqrt(1 / (4 * 0.75 * 0.25)) / 2, rel=1e-6)
    assert found.chance("a", "b") == pytest.approx(0.75)
    assert (first.games, first.score, first.elo) == (4, 3.0, pytest.approx(1000 + 400 * math.log10(3) / 2))
    with pytest.raises(KeyError):
        found.chance("a", "z")


def test_the_likelihood_has_no_slope_where_it_ends() -> None:
    games = played({"a": 1.0, "b": 0.3, "c": 0.0, "d": -1.2}, 300, seed=1)
    found = bradley_terry(games, prior=0.0)
    for one in found.rated:
        due = sum(found.chance(one.name, b if a == one.name else a) or 0.0 for a, b, _ in games if one.name in (a, b))
        assert one.score == pytest.approx(due, abs=1e-6)
    assert sum(one.strength for one in found.rated) == pytest.approx(0.0, abs=1e-9)


def test_the_prior_is_half_a_game_to_each_side_against_an_average_one() -> None:
    games: list[Game] = [("a", "b", 1.0)] * 3
    found = bradley_terry(games)
    assert found.held == ("a", "b")
    top = found.rated[0].strength
    # with mean 0 both have slope 0: 3 (1 - s(2 t)) + 1 / 2 - s(t) = 0
    assert 3 * (1 - 1 / (1 + math.exp(-2 * top))) + 0.5 - 1 / (1 + math.exp(-top)) == pytest.approx(0.0, abs=1e-8)
    with pytest.raises(ValueError, match="a prior above 0"):
        bradley_terry(games, prior=0.0)


def test_ties_are_half_a_win() -> None:
    tied = bradley_terry([("a", "b", 0.5), ("b", "c", 0.5), ("c", "a", 0.5)])
    assert {(round(one.strength, 9), one.rank, one.score) for one in tied.rated} == {(0.0, 1, 1.0)}
    halves = bradley_terry([("a", "b", 1.0), ("a", "b", 0.0), ("a", "b", 1.0)])
    assert bradley_terry([("a", "b", 0.5), ("b", "a", 0.5), ("a", "b", 1.0)]).rated == halves.rated


def test_groups_that_never_met_are_told_apart() -> None:
    found = bradley_terry([("a", "b", 1.0), ("b", "c", 1.0), ("x", "y", 0.0)])
    assert found.groups == (("a", "b", "c"), ("x", "y"))
    assert [(one.name, one.group) for one in found.rated] == [("a", 0), ("b", 0), ("c", 0), ("y", 1), ("x", 1)]
    assert found.chance("a", "x") is None
    assert set(found.held) == {"a", "b", "c", "x", "y"}
    assert bradley_terry([]).rated == ()


def test_a_game_of_parts_is_its_mean_outcome() -> None:
    parts = bradley_terry([("a", "b", 1.0), ("a", "b", 0.0)] * 4, weights=[0.75, 0.25] * 4)
    assert parts.rated == bradley_terry([("a", "b", 0.75)] * 4).rated
    assert parts.rated[0].games == 4


def test_ranks_are_shared_until_the_bounds_part_them() -> None:
    few = bradley_terry(played({"a": 2.0, "b": 0.0, "c": -2.0}, 4, seed=2))
    assert {one.rank for one in few.rated} == {1}
    many = bradley_terry(played({"a": 2.0, "b": 0.0, "c": -2.0}, 400, seed=2))
    assert [(one.name, one.rank) for one in many.rated] == [("a", 1), ("b", 2), ("c", 3)]
    assert many.held == ()


def test_bounds_hold_the_truth_about_as_often_as_they_say() -> None:
    truth = {"a": 0.8, "b": 0.2, "c": -0.2, "d": -0.8}
    told = [one for seed in range(100) for one in bradley_terry(played(truth, 120, seed)).rated]
    assert 0.92 <= np.mean([one.low <= truth[one.name] <= one.high for one in told]) <= 0.99


@settings(deadline=None, max_examples=50)
@given(GAMES)
def test_strengths_are_finite_and_turn_with_results(games: list[Game]) -> None:
    found = {one.name: one for one in bradley_terry(games).rated}
    turned = {one.name: one for one in bradley_terry([(b, a, r) for a, b, r in reversed(games)]).rated}
    for name, one in found.items():
        assert math.isfinite(one.strength)
        assert one.low < one.strength < one.high
        assert one.strength == pytest.approx(-turned[name].strength, abs=1e-6)
        assert 0 <= one.score <= one.games


@pytest.mark.parametrize("game", [("a", "a", 1.0), ("a", "b", 1.5), ("a", "b", math.nan)])
def test_no_games_are_refused(game: Game) -> None:
    with pytest.raises(ValueError, match="two different ones"):
        bradley_terry([game])
