import pytest

from pilothouse.guards.normal.markup import hidden, without_markup


def test_comments_and_tags_are_left_out() -> None:
    made = without_markup("pre<!-- x -->vi<b>ous</b> 1 < 2")
    assert made is not None
    assert made.text == "previous 1 < 2"
    assert made.places is not None
    assert made.places.span(0, 8) == (0, 21)
    assert without_markup("1 < 2 and <!-- open") is None


@pytest.mark.parametrize(
    "opens",
    ['<p style="display:none">', "<div class=x STYLE='visibility : hidden'>", '<span style="font-size:0px">',
     '<font color="white">', '<p style="color:#FFF;">', "<p hidden>",
     '<i style="opacity: 0">', '<i style="position:absolute;left:-9999px">'],
)  # fmt: skip
def test_what_a_page_would_not_show_is_found(opens: str) -> None:
    tag = opens[1:].split()[0]
    text = f"seen {opens}not seen</{tag}> seen"
    assert hidden(text) == [("unseen element", 5, 5 + len(opens) + len("not seen"))]


def test_comments_with_words_count_and_the_rest_does_not() -> None:
    assert hidden("a <!-- b --> <!-- --> c") == [("comment", 2, 12)]
    assert (
        hidden('<p style="font-size:0.9em">x</p> <p style="background-color:white">y</p> <input hidden> <a hidden>')
        == []
    )
