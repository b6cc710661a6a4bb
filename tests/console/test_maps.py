"""A map of dots: all within its frame, each where it belongs, names that do not lie on each other."""

import re
from itertools import pairwise

import pytest

from pilothouse.console.maps import Group, dot_map


def group(name: str, x: float, y: float, *dots: tuple[float, float]) -> Group:
    return Group(name, x, y, "s0", f"/of/{name}", [(a, b, f"/at/{a}") for a, b in dots])


def numbers(drawn: str, element: str, attribute: str) -> list[float]:
    return [float(found) for found in re.findall(rf'<{element}[^>]* {attribute}="([\d.]+)%?"', drawn)]


def test_dots_lie_as_their_numbers_do_within_the_frame() -> None:
    drawn = dot_map("Map", [group("a", 0, 0, (-4, -1), (0, 0), (4, 3)), group("b", 2, 1)])
    across, down = numbers(drawn, "circle", "cx"), numbers(drawn, "circle", "cy")
    assert across == pytest.approx([5, 50, 95])
    assert down == pytest.approx([361, 275.5, 19])  # the highest value at the top
    assert re.findall(r'href="(/[^"]*)"', drawn) == ["/at/-4", "/at/0", "/at/4", "/of/b", "/of/a"]


def test_names_do_not_lie_on_each_other() -> None:
    drawn = dot_map("Map", [group(name, 0, n / 1000) for n, name in enumerate("abcd")] + [group("far", 9, 0)])
    heights = sorted(numbers(drawn, "text", "y")[:4])
    assert all(later - before >= 17 for before, later in pairwise(heights))


@pytest.mark.parametrize("groups", [[], [group("alone", 1, 1, (1, 1))]])
def test_few_dots(groups: list[Group]) -> None:
    drawn = dot_map("<Map>", groups)
    assert 'aria-label="&lt;Map&gt;"' in drawn
    assert numbers(drawn, "circle", "cx") == [50] * len(groups)


def test_names_are_text() -> None:
    drawn = dot_map("Map", [group("<b>\u202e", 0, 0)])
    assert "<b>" not in drawn
    assert "\u202e" not in re.sub(r'="[^"]*"', "", drawn)
