from hypothesis import given
from hypothesis import strategies as st

from pilothouse.guarded import Finding
from pilothouse.guards.redacting import apart, redacted


def test_each_finding_is_replaced() -> None:
    found = [Finding("b", 4, 5), Finding("a", 0, 2, replacement="<A>")]
    assert redacted("aa, b.", found) == "<A>, [b]."


def test_what_overlaps_is_one_finding_and_nothing_of_it_stays() -> None:
    assert apart([Finding("late", 2, 6), Finding("short", 0, 1), Finding("long", 0, 3)]) == [Finding("long", 0, 6)]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 8))))
def test_no_found_character_is_left(places: list[tuple[int, int]]) -> None:
    text = "".join(chr(0x4E00 + at) for at in range(40))
    found = [Finding("x", start, start + size, replacement="") for start, size in places]
    gone = {at for start, size in places for at in range(start, start + size)}
    assert redacted(text, found) == "".join(letter for at, letter in enumerate(text) if at not in gone)
