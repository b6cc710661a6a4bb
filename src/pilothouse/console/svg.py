"""A small writer of SVG and HTML: elements as text, everything from outside escaped. Knows nothing of charts.

What it makes keeps to a policy without inline styles: looks are classes and presentation attributes.
"""

from collections.abc import Iterable
from html import escape

from markupsafe import Markup

__all__ = ["element", "escaped", "join", "link", "number", "path_of", "percent", "text"]


def element(name: str, *content: Markup | str, **attributes: object) -> Markup:
    """`<name attribute="...">content</name>`. Of an attribute's name a last `_` is dropped and others are `-`; None and
    False leave it out. Content that is no Markup is escaped."""
    told = "".join(
        [
            f' {key.rstrip("_").replace("_", "-")}="{escaped(value)}"'
            for key, value in attributes.items()
            if value is not None and value is not False
        ]
    )
    inside = "".join([escaped(part) for part in content])
    return Markup(f"<{name}{told}>{inside}</{name}>")


def escaped(value: object) -> str:
    """As text within an element or an attribute; Markup as it is."""
    return str.__str__(value) if isinstance(value, Markup) else escape(str(value), quote=True)


def join(parts: Iterable[Markup]) -> Markup:
    """Elements one after the other."""
    return Markup("").join(parts)


def link(address: str | None, *content: Markup | str, **attributes: object) -> Markup:
    """A link that the mouse follows; the keyboard has those of the table. Without an address a group."""
    if address is None:
        return element("g", *content, **attributes)
    return element("a", *content, href=address, tabindex="-1", **attributes)


def text(words: str, x: str, y: float, **attributes: object) -> Markup:
    """A line of text."""
    return element("text", words, x=x, y=number(y), **attributes)


def number(value: float) -> str:
    """A coordinate, to a tenth."""
    return f"{value:.1f}".removesuffix(".0")


def percent(share: float) -> str:
    """A coordinate as a share of the drawing, which so needs no measure of its own."""
    return f"{share * 100:.3f}".rstrip("0").rstrip(".") + "%"


def path_of(points: Iterable[tuple[float, float] | None]) -> str:
    """A line through points; None interrupts it. A point by itself gets a dash, that it may be seen."""
    told: list[str] = []
    begun = False
    for point in points:
        if point is None:
            begun = False
            continue
        place = f"{number(point[0])} {number(point[1])}"
        told.append(f"L{place}" if begun else f"M{place}h.1")
        begun = True
    return "".join(told)
