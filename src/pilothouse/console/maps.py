"""A map of dots in groups, each with its name, as SVG. Knows nothing of what lies where, nor why.

Widths are shares of whatever room there is, heights pixels, as in charts over time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from pilothouse.console.render import visible
from pilothouse.console.svg import element, link, number, percent, text

__all__ = ["Group", "dot_map"]

_HEIGHT, _EDGE, _LINE = 380.0, 0.05, 17.0
_LETTER = 0.011  # the share of a map's width that a letter takes, about


@dataclass(frozen=True, slots=True)
class Group:
    """Dots as (x, y, address), any numbers. The name stands at (x, y) and leads to `address`; `look` is a class of the
    style sheet."""

    name: str
    x: float
    y: float
    look: str
    address: str
    dots: Sequence[tuple[float, float, str]]


def dot_map(title: str, groups: Sequence[Group]) -> Markup:
    """All groups on one map, which is as wide as there is room. Names that would lie on each other move apart."""
    wide = _Span([x for group in groups for x, _, _ in group.dots] + [group.x for group in groups])
    high = _Span([y for group in groups for _, y, _ in group.dots] + [group.y for group in groups])
    drawn = [_dots(group, wide, high) for group in groups]
    names = [_name(group, x, y) for group, x, y in _apart(groups, wide, high)]
    whole = element(
        "svg", *drawn, *names, class_="xy map", height=number(_HEIGHT), role="img", aria_label=visible(title)
    )
    return element("div", whole, class_="plot")


class _Span:
    """From numbers to shares of a side."""

    def __init__(self, values: Sequence[float]) -> None:
        self._low = min(values, default=0.0)
        self._length = max(values, default=0.0) - self._low

    def share(self, value: float) -> float:
        inside = (value - self._low) / self._length if self._length else 0.5
        return _EDGE + inside * (1 - 2 * _EDGE)


def _dots(group: Group, wide: _Span, high: _Span) -> Markup:
    dots = [
        link(address, element("circle", cx=percent(wide.share(x)), cy=number(_HEIGHT * (1 - high.share(y))), r="3.5"))
        for x, y, address in group.dots
    ]
    return element("g", element("title", visible(group.name)), *dots, class_=f"dots {group.look}")


def _apart(groups: Sequence[Group], wide: _Span, high: _Span) -> list[tuple[Group, float, float]]:
    """Where the names go, from above: each as far down as it must."""
    placed: list[tuple[Group, float, float]] = []
    for group in sorted(groups, key=lambda group: -group.y):
        x, y = wide.share(group.x), _HEIGHT * (1 - high.share(group.y))
        while any(abs(y - other_y) < _LINE and _touch(group, x, other, at) for other, at, other_y in placed):
            y += 2
        placed.append((group, x, min(y, _HEIGHT - 4)))
    return placed


def _touch(one: Group, x: float, other: Group, at: float) -> bool:
    left, right = _reach(one, x)
    low, high = _reach(other, at)
    return left < high and low < right


def _reach(group: Group, x: float) -> tuple[float, float]:
    """From where to where a name goes."""
    long = len(group.name) * _LETTER
    return {"start": (x, x + long), "end": (x - long, x), "middle": (x - long / 2, x + long / 2)}[_anchor(x)]


def _anchor(x: float) -> str:
    return "start" if x < 0.25 else "end" if x > 0.75 else "middle"


def _name(group: Group, x: float, y: float) -> Markup:
    return link(group.address, text(visible(group.name), percent(x), y, text_anchor=_anchor(x), class_="name"))
