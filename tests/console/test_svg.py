"""The writer of SVG: whatever comes from outside is text."""

from markupsafe import Markup

from pilothouse.console.svg import element, escaped, join, link, number, path_of, percent, text

from .site import HOSTILE


def test_elements_escape_what_is_no_markup() -> None:
    made = element("text", HOSTILE, element("title", "a & b"), aria_label=HOSTILE, class_="x", y=None, z=False, n=3)
    assert isinstance(made, Markup)
    assert "<script" not in made
    assert "<img" not in made
    assert made.count("<title>") == 1
    assert "a &amp; b" in made
    assert 'class="x" n="3"' in made
    assert ' y="' not in made
    assert escaped(element("b", "<")) == "<b>&lt;</b>"  # once is enough


def test_links_and_groups() -> None:
    assert link("/a?b=1&c=2", text("x", "0", 1.25)) == (
        '<a href="/a?b=1&amp;c=2" tabindex="-1"><text x="0" y="1.2">x</text></a>'
    )
    assert link(None, "x") == "<g>x</g>"
    assert join([element("a"), element("b")]) == "<a></a><b></b>"


def test_coordinates() -> None:
    assert [number(value) for value in (0, 1.04, 149.96, 12)] == ["0", "1", "150", "12"]
    assert [percent(share) for share in (0, 1, 1 / 3, 0.5)] == ["0%", "100%", "33.333%", "50%"]


def test_a_line_has_gaps_and_lonely_points_are_seen() -> None:
    assert path_of([(0, 1), (1, 2), None, (3, 4)]) == "M0 1h.1L1 2M3 4h.1"
    assert path_of([None, None]) == ""
