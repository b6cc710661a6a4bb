"""N-grams shared by long sequences: as many as sets find."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.overlap.matches import grams, shared
from pilothouse.overlap.runs import numbered, room, shared_runs

items = st.lists(st.integers(0, 5), max_size=30)


@settings(deadline=None)
@given(items, items, st.integers(1, 7))
def test_the_sort_finds_what_sets_find(one: list[int], other: list[int], orders: int) -> None:
    mine, theirs, both = numbered(one, other)
    expected = [shared(grams(one, order), grams(other, order)) for order in range(1, orders + 1)]
    assert shared_runs(mine, theirs, orders) == expected
    assert both == len(set(one) & set(other))


def test_as_many_different_items_as_there_is_room_for() -> None:
    one = list(range(room(4)))
    other = [*one[10_000:], *one[:10_000]]
    mine, theirs, both = numbered(one, other)
    assert both == room(4) == 32_765
    assert shared_runs(mine, theirs, 4) == [both, both - 2, both - 4, both - 6]  # the seam, and what it was cut from
