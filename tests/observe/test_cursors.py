import pytest

from pilothouse.errors import InvalidRequest
from pilothouse.observe.cursors import cursor_of, place_in


def test_a_place_is_read_as_it_was_told() -> None:
    assert place_in(cursor_of(7, "ä/b"), tuple[int, str]) == (7, "ä/b")


@pytest.mark.parametrize("cursor", ["", "%", "é", "AAAA", cursor_of("7", "b"), cursor_of(7), cursor_of(7, "b", "c")])
def test_what_no_page_gave_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidRequest, match=r"is no place in the list of scores\.") as refused:
        place_in(cursor, tuple[int, str], "the list of scores")
    assert refused.value.param == "cursor"
