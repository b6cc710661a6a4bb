"""The parts that dashboards are made of: tiles with one figure, panels with a chart and its table, rankings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from markupsafe import Markup

from pilothouse.console.boards.view import View
from pilothouse.console.plots import Series, timeline
from pilothouse.console.render import visible
from pilothouse.console.svg import element, escaped, join, percent
from pilothouse.console.units import COUNT, Unit, change
from pilothouse.observe.sums.amounts import Amounts

__all__ = [
    "CALLS", "REQUESTS", "Board", "Column", "Panel", "Tile", "count_of", "figure", "over_time", "ranking",
    "share_bar", "short", "table", "tile", "value_cell",
]  # fmt: skip

_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure in words, with how it changed and whether that is `good`, `bad` or neither."""

    label: str
    value: str
    change: str = ""
    tone: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """A chart, the names of its series as (name, look), and its table, which is folded up beneath a chart."""

    title: str
    chart: Markup
    legend: Sequence[tuple[str, str]] = ()
    twin: Markup | None = None
    note: str = ""
    broad: bool = False
    empty: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard: tiles above panels."""

    tiles: Sequence[Tile]
    panels: Sequence[Panel]

    @property
    def shown(self) -> list[Panel]:
        """Those with something in them, and the first."""
        return [panel for n, panel in enumerate(self.panels) if not n or not panel.empty]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a ranking: its head, what it tells of the amounts of a value, and how that is written."""

    head: str
    of: Callable[[Amounts], float | None]
    unit: Unit


def tile(
    label: str, unit: Unit, of: str | Callable[[Amounts], float | None], now: Amounts, before: Amounts | None,
    more_is: str = "", note: str = "",
) -> Tile:  # fmt: skip
    """What `of` tells of the period (or one of its sums and rates, by name), beside the period before."""
    read = count_of(of) if isinstance(of, str) else of
    return figure(label, unit, read(now), None if before is None else read(before), more_is, note)


def figure(label: str, unit: Unit, now: float | None, before: float | None, more_is: str = "", note: str = "") -> Tile:
    """A tile; `more_is` good or bad says what a rise of it means."""
    told = change(now, before)
    tone = ""
    if told and more_is and not told.startswith("±") and now is not None and before is not None:
        tone = more_is if now > before else {"good": "bad", "bad": "good"}[more_is]
    return Tile(label, unit.told(now) or "–", told, tone, note)


def over_time(
    view: View, title: str, series: Sequence[Series], unit: Unit, *, stacked: bool = False, note: str = "",
    broad: bool = False, links: Sequence[str] | None = None,
) -> Panel:  # fmt: skip
    """A panel of series over the period, each step of which leads to its traces."""
    moments, behind = view.moments, view.links if links is None else links
    drawn = [one for one in series if any(value is not None for value in one.values)]
    empty = not any(value for one in drawn if one.look != "before" for value in one.values)
    chart = timeline(title, moments, drawn, unit, behind, stacked=stacked)
    rows = [
        [_a(behind[n], moments.told[n]), *(unit.told(one.values[n]) for one in drawn)]
        for n in range(len(moments.at_us) - 1, -1, -1)
        if any(one.values[n] if stacked else one.values[n] is not None for one in drawn)
    ]
    twin = table([("UTC", ""), *((short(one.name), "n") for one in drawn)], rows)
    legend = [(short(one.name), one.look) for one in drawn] if len(drawn) > 1 else []
    return Panel(title, chart, legend, twin, note, broad, empty)


def ranking(
    view: View, title: str, dimension: str, found: Mapping[str, Amounts], before: Mapping[str, Amounts],
    columns: Sequence[Column], *, most: int = 10, note: str = "", looks: bool = False, broad: bool = False, **also: str,
) -> Panel:  # fmt: skip
    """A table of the values of a dimension with bars for the first column, the largest first. Each leads to its traces,
    and to this page narrowed to it."""
    first = columns[0]
    ordered = sorted(found.items(), key=lambda item: -(first.of(item[1]) or 0))
    shown = [(value, one) for value, one in ordered if first.of(one)][:most]
    top = max((first.of(one) or 0 for _, one in shown), default=0)
    kept = 1 if before else 2  # where it is narrow
    heads = [(dimension.capitalize(), ""), ("", "")]
    heads += [(one.head, "n" if index < kept else "n mid") for index, one in enumerate(columns)]
    if before:
        heads.append(("Before", "n"))
    rows = []
    for index, (value, one) in enumerate(shown):
        look = f"s{index}" if looks and index < 6 else "rest" if looks else "s0"
        cells: list[Markup | str] = [value_cell(view, dimension, value, **also)]
        cells.append(share_bar((first.of(one) or 0) / top, look))
        cells += [column.unit.told(column.of(one)) for column in columns]
        if before:
            cells.append(change(first.of(one), first.of(before.get(value, Amounts()))))
        rows.append(cells)
    if len(ordered) > len(shown) and shown:
        note = f"{note} The first {len(shown)} of {len(ordered):,}.".strip()
    return Panel(title, table(heads, rows, "ranks"), note=note, broad=broad, empty=not shown)


def table(heads: Sequence[tuple[str, str]], rows: Sequence[Sequence[Markup | str]], also: str = "") -> Markup:
    """A table; beside each head stand the classes of its column: `n` of numbers, `mid` of what is left out where it is
    narrow."""
    opens = [f'<td class="{look}">' if look else "<td>" for _, look in heads]
    head = element("tr", *(element("th", short(name), class_=look or None) for name, look in heads))
    lines = ["".join([f"{begin}{_cell(cell)}</td>" for begin, cell in zip(opens, row, strict=True)]) for row in rows]
    body = Markup("".join([f"<tr>{line}</tr>" for line in lines]))
    whole = element("table", element("thead", head), element("tbody", body), class_=f"list {also}".strip())
    return element("div", whole, class_="rows", tabindex="0")


def value_cell(view: View, dimension: str, value: str, **also: str) -> Markup:
    """The name of a value, which leads to its traces, with a link to this page for it alone."""
    name = element("bdi", short(view.name(dimension, value)))
    behind, alone = view.behind(dimension, value, **also), view.narrowed(dimension, value)
    parts = [name if behind is None else element("a", name, href=behind, title="The traces behind it")]
    if alone is not None:
        parts.append(element("a", "only", href=alone, class_="only", title="This page for it alone"))
    return join(parts)


def share_bar(share: float, look: str) -> Markup:
    """A bar of a table."""
    bar = element("rect", class_=look, width=percent(max(0.004, share)), height="10", rx="2")
    return element("svg", bar, class_="rank", height="10", aria_hidden="true")


def _a(address: str, words: str) -> Markup:
    return Markup(f'<a href="{escaped(address)}">{escaped(words)}</a>')


def _cell(given: Markup | str) -> str:
    return escaped(given if isinstance(given, Markup) else visible(given))


def short(words: str) -> str:
    """A name as a table shows it: without what would steer the page, and not too long."""
    told = visible(words)
    return told if len(told) <= _LONGEST else f"{told[: _LONGEST - 1]}…"


def count_of(name: str) -> Callable[[Amounts], float | None]:
    """Reads one of the sums or rates."""
    return attrgetter(name)


REQUESTS = Column("Requests", count_of("requests"), COUNT)
CALLS = Column("Calls", count_of("calls"), COUNT)
