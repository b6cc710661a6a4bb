"""Splits: nothing straddles, nothing moves when items are added, and shares are met on average."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.errors import InvalidRequest
from pilothouse.evals.datasets.splitting import split_by_groups

SHARES = {"train": 0.7, "test": 0.2, "dev": 0.1}
GROUPS = st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=3), max_size=12)


@settings(max_examples=50, deadline=None)
@given(GROUPS, st.integers(0, 3))
def test_items_with_a_name_in_common_are_never_apart(groups: list[list[str]], seed: int) -> None:
    chosen = split_by_groups(groups, SHARES, seed)
    of_name = dict[str, str]()
    for names, split in zip(groups, chosen, strict=True):
        assert {of_name.setdefault(name, split) for name in names} == {split}


def test_items_stay_where_they_are_when_others_come_before_and_after() -> None:
    groups = [[f"g{i}"] for i in range(200)]
    chosen = split_by_groups(groups, SHARES)
    more = split_by_groups([["new"], *groups[::-1], ["g7", "z"]], SHARES)
    assert more[1:-1] == chosen[::-1]
    assert more[-1] == chosen[7]
    assert split_by_groups(groups, SHARES, seed=1) != chosen


def test_held_splits_stay_and_draw_their_group_after_them() -> None:
    chosen = split_by_groups([["a"], ["b", "a"], ["c"], ["d"]], {"x": 0.5, "y": 0.5}, held=["y", None, None, "gone"])
    assert chosen[:2] == ["y", "y"]
    assert chosen[2:] == split_by_groups([["c"], ["d"]], {"x": 0.5, "y": 0.5})


def test_shares_are_met_on_average() -> None:
    counts = Counter(split_by_groups([[f"{i}"] for i in range(10_000)], SHARES))
    assert counts["train"] == pytest.approx(7000, abs=200)
    assert counts["test"] == pytest.approx(2000, abs=200)


@pytest.mark.parametrize("shares", [{}, {"a": 0.5}, {"a": 1.2, "b": -0.2}, {"": 1.0}, {"a": float("nan")}], ids=str)
def test_shares_that_are_none_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(InvalidRequest, match="add up to 1"):
        split_by_groups([["a"]], shares)
