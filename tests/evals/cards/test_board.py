"""Rankings from comparisons by judges and people."""

import msgspec
import pytest

from pilothouse.evals.cards.board import Duel, leaderboard


def test_the_strongest_is_first_and_ranks_have_bounds() -> None:
    found = leaderboard([
        Duel(one="new", other="old", won=70, tied=10, lost=20), Duel(one="old", other="older", won=30, tied=2, lost=28),
        Duel(one="older", other="new", won=2, lost=8, by="people"),
    ])  # fmt: skip
    first, second, third = found.standings
    assert (first.name, first.rank, first.worst) == ("new", 1, 1)
    assert {(one.rank, one.worst) for one in (second, third)} == {(2, 3)}
    assert (first.won, first.tied, first.lost, first.games) == (78, 10, 22, 110)
    assert first.low < first.elo < first.high
    assert (found.comparisons, found.ties, found.by_judges, found.by_people) == (170, 12, 160, 10)
    assert found.notes == ()
    assert msgspec.json.encode(found.to_json())


def test_groups_that_never_met_are_said() -> None:
    found = leaderboard([Duel(one="a", other="b", won=5, lost=6), Duel(one="x", other="y", won=7, lost=7)])
    assert found.groups == (("a", "b"), ("x", "y"))
    assert [one.group for one in found.standings] == [0, 0, 1, 1]
    assert "2 groups were never compared with each other (a, b; x, y)" in found.notes[0]


def test_the_undefeated_are_held_and_few_comparisons_said() -> None:
    found = leaderboard([Duel(one="a", other="b", won=3), Duel(one="c", other="c", won=9)])
    assert [one.held for one in found.standings] == [True, True]
    assert [note.partition(":")[0] for note in found.notes] == [
        "Always won, or always lost, against the rest", "Fewer than 10 comparisons, so that bounds are rough",
    ]  # fmt: skip
    assert found.comparisons == 3


def test_ties_alone_leave_all_at_one_rank() -> None:
    found = leaderboard([Duel(one="a", other="b", tied=30)])
    assert [(one.rank, one.worst, one.elo) for one in found.standings] == [(1, 2, pytest.approx(1000.0))] * 2


def test_nothing_compared_is_an_empty_board() -> None:
    assert leaderboard([]).standings == ()
