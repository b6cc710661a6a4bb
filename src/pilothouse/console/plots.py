"""Charts as SVG: lines and stacked columns over time, intervals that narrow, a heat map, a histogram. Knows no figures.

Heights are pixels, widths shares of whatever room there is: so text keeps its size, from a telephone to a wide screen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from math import log2

from markupsafe import Markup

from pilothouse.console.render import visible
from pilothouse.console.svg import element, escaped, join, link, number, path_of, percent, text
from pilothouse.console.units import COUNT, Unit, log_ticks, round_ticks

__all__ = ["Bin", "Moments", "Series", "Spread", "heat_map", "histogram", "intervals", "timeline"]

_TOP, _HEIGHT, _BELOW = 20.0, 150.0, 22.0
_WIDE = 1000.0
_ROW = 20.0
_HOUR_US, _DAY_US = 3_600_000_000, 86_400_000_000
_HOUR_STEPS = (1, 3, 6, 12, 24, 48)
_DAY_STEPS = (1, 2, 7, 14, 28, 91, 182)
_MOST_TICKS = 8
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_BAR_SHARE = 0.78


@dataclass(frozen=True, slots=True)
class Series:
    """Values by step, None where there is none. `look` is a class of the style sheet: `s0` to `s5`, `rest` or
    `before`."""

    name: str
    values: Sequence[float | None]
    look: str


@dataclass(frozen=True)
class Moments:
    """The hours or days of a chart: their beginnings, UTC microseconds."""

    at_us: Sequence[int]
    step_us: int

    @cached_property
    def told(self) -> list[str]:
        """The steps in words."""
        form = "%a %d %b %Y, %H:%M" if self.step_us < _DAY_US else "%a %d %b %Y"
        return [datetime.fromtimestamp(at / 1e6, UTC).strftime(form) for at in self.at_us]

    def ticks(self) -> list[tuple[float, str]]:
        """(share of the width, label) of round times: hours of the day, or days, Mondays, every fourth of those."""
        unit, sizes = (_HOUR_US, _HOUR_STEPS) if self.step_us < _DAY_US else (_DAY_US, _DAY_STEPS)
        lasting = len(self.at_us) * self.step_us
        size = next((size * unit for size in sizes if lasting / (size * unit) <= _MOST_TICKS), sizes[-1] * unit)
        monday = 4 * _DAY_US if size >= 7 * _DAY_US else 0  # 1970-01-05
        return [
            ((index + 0.5) / len(self.at_us), self._label(at, size))
            for index, at in enumerate(self.at_us)
            if (at - monday) % size == 0
        ]

    def _label(self, at_us: int, size: int) -> str:
        at = datetime.fromtimestamp(at_us / 1e6, UTC)
        if size < _DAY_US and at.hour:
            return f"{at:%H:%M}"
        return f"{at.day} {at:%b}"


@dataclass(frozen=True, slots=True)
class Bin:
    """A column of a histogram on a logarithmic scale, from `low` until before `high`."""

    low: float
    high: float
    count: int
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Spread:
    """A value with its interval, at a time (UTC microseconds)."""

    at_us: int
    low: float
    value: float
    high: float


def timeline(
    title: str, moments: Moments, series: Sequence[Series], unit: Unit, links: Sequence[str], *, stacked: bool = False
) -> Markup:
    """Lines, or where `stacked` columns that stand on each other, with `before` as a line. `links` lead from each step
    to what is behind it."""
    steps = len(moments.at_us)
    piled = [one for one in series if stacked and one.look != "before"]
    lines = [one for one in series if one not in piled]
    heights = [sum(one.values[step] or 0 for one in piled) for step in range(steps)]
    seen = [*heights, *(value or 0 for one in lines for value in one.values)]
    scale = _Scale(round_ticks(max(seen, default=0), unit, min(seen, default=0)), unit)
    drawn = [*_columns(piled, steps, scale), *(_line(one, steps, scale) for one in lines)]
    inner = element(
        "svg", *drawn, x="0", y=number(_TOP), width="100%", height=number(_HEIGHT),
        viewBox=f"0 0 {_WIDE:g} {_HEIGHT:g}", preserveAspectRatio="none",
    )  # fmt: skip
    hits = [_step(moments, lines, heights if piled else None, scale, links[step], step) for step in range(steps)]
    return _framed(title, scale, moments.ticks(), [inner, *hits])


def intervals(title: str, spreads: Sequence[Spread], unit: Unit, marks: Sequence[tuple[str, float]]) -> Markup:
    """A value as a line within its interval, over time; `marks` are levels such as none at all, by name and value.

    First intervals are so wide that they would hide all others: those wider than the middle one are cut at its double.
    """
    if not spreads:
        return Markup("")
    widest = 2 * sorted(one.high - one.low for one in spreads)[len(spreads) // 2]
    middle = spreads[-1].value
    top = max(*(min(one.high, middle + widest) for one in spreads), *(value for _, value in marks))
    low = min(*(max(one.low, middle - widest) for one in spreads), *(value for _, value in marks))
    scale = _Scale(round_ticks(top, unit, low), unit)
    begin, lasts = spreads[0].at_us, max(1, spreads[-1].at_us - spreads[0].at_us)
    places = [0.5] if len(spreads) == 1 else [(one.at_us - begin) / lasts for one in spreads]

    lone = len(spreads) == 1  # a strip, since a single place has no width

    def line(values: Sequence[float]) -> list[tuple[float, float]]:
        along = zip((0.47, 0.53), [*values, *values], strict=True) if lone else zip(places, values, strict=True)
        return [(x * _WIDE, scale.y(value)) for x, value in along]

    around = [*line([one.high for one in spreads]), *reversed(line([one.low for one in spreads]))]
    drawn = [
        element("path", class_="s0 band", d=path_of(around) + "z"),
        element("path", class_="s0 line", d=path_of(line([one.value for one in spreads]))),
    ]
    inner = element(
        "svg", *drawn, x="0", y=number(_TOP), width="100%", height=number(_HEIGHT),
        viewBox=f"0 0 {_WIDE:g} {_HEIGHT:g}", preserveAspectRatio="none",
    )  # fmt: skip
    levels = []
    for index, (name, value) in enumerate(marks):
        y = number(_TOP + scale.y(value))
        side, anchor = ("100%", "end") if index % 2 else ("4", "start")
        levels.append(element("line", class_="mark", x1="0", x2="100%", y1=y, y2=y))
        levels.append(text(visible(name), side, _TOP + scale.y(value) - 4, text_anchor=anchor, class_="marked"))
    each = [_spread(one, places, n, scale) for n, one in enumerate(spreads)]
    form = "%d %b %H:%M" if lasts < 3 * _DAY_US else "%d %b"
    below = [
        (x, datetime.fromtimestamp((begin + x * lasts) / 1e6, UTC).strftime(form)) for x in (0, 0.25, 0.5, 0.75, 1)
    ]
    return _framed(title, scale, [(0.5, below[0][1])] if lone else below, [inner, *levels, *each])


def _spread(one: Spread, places: Sequence[float], n: int, scale: "_Scale") -> Markup:
    """The strip around a value: what it was, under the mouse."""
    first = 0.0 if n == 0 else (places[n - 1] + places[n]) / 2
    last = 1.0 if n + 1 == len(places) else (places[n] + places[n + 1]) / 2
    at = datetime.fromtimestamp(one.at_us / 1e6, UTC).strftime("%d %b %Y, %H:%M")
    told = f"{at} · {scale.unit.whole(one.value)} ({scale.unit.whole(one.low)} to {scale.unit.whole(one.high)})"
    rect = element(
        "rect", class_="hit", x=percent(first), y=number(_TOP), width=percent(last - first), height=number(_HEIGHT)
    )
    point = element("circle", class_="s0 point", cx=percent(places[n]), cy=number(_TOP + scale.y(one.value)), r="3")
    return element("g", rect, point, text(told, "100%", 12, text_anchor="end", class_="tip"), class_="at")


def heat_map(title: str, week: Sequence[Sequence[int]], links: Sequence[Sequence[str | None]], what: str) -> Markup:
    """Amounts by weekday, Monday first, and hour."""
    most = max((amount for row in week for amount in row), default=0)
    cells = []
    for day, row in enumerate(week):
        for hour, amount in enumerate(row):
            told = f"{_DAYS[day]} {hour:02}:00 UTC: {amount:,} {what}"
            cell = element(
                "rect", element("title", told), class_="heat" if amount else "cold", x=percent(hour / 24),
                y=number(day * _ROW), width=percent(0.96 / 24), height=number(_ROW - 2), rx="2",
                fill_opacity=f"{0.12 + 0.88 * amount / most:.2f}" if amount else None,
            )  # fmt: skip
            cells.append(link(links[day][hour] if amount else None, cell))
    below = 7 * _ROW + 14
    hours = [_place((hour + 0.5) / 24, f"{hour:02}:00", below, hour // 3) for hour in range(0, 24, 3)]
    days = [text(name, "40", day * _ROW + 13, text_anchor="end") for day, name in enumerate(_DAYS)]
    height = number(below + 6)
    return element(
        "div",
        element("svg", *days, class_="ys", width="46", height=height, aria_hidden="true"),
        element("svg", *cells, *hours, class_="xy", height=height, role="img", aria_label=visible(title)),
        class_="plot",
    )


def histogram(title: str, bins: Sequence[Bin], marks: Sequence[tuple[str, float]], unit: Unit) -> Markup:
    """How often which values occurred; `marks` are lines such as percentiles, by name and value."""
    if not bins:
        return Markup("")
    low, high = bins[0].low, bins[-1].high
    octaves = log2(high) - log2(low)

    def place(value: float) -> float:
        return min(1.0, max(0.0, (log2(value) - log2(low)) / octaves))

    scale = _Scale(round_ticks(max(one.count for one in bins), COUNT), COUNT)
    parts = []
    for one in bins:
        height = max(1.0, _HEIGHT - scale.y(one.count)) if one.count else 0.0
        told = f"{unit.whole(one.low)} to {unit.whole(one.high)}: {one.count:,}"
        bar = element(
            "rect", element("title", told), class_="s0 bin",
            x=percent(place(one.low)), width=percent((place(one.high) - place(one.low)) * 0.92),
            y=number(_TOP + _HEIGHT - height), height=number(height),
        )  # fmt: skip
        parts.append(link(one.address, bar))
    for row, (name, value) in enumerate(marks):
        at = place(value)
        side, aside = ("end", "-4") if at > 0.7 else ("start", "4")
        words = f"{name} {unit.short(value)}"
        parts.append(element("line", class_="mark", x1=percent(at), x2=percent(at), y1="14", y2=number(_TOP + _HEIGHT)))
        parts.append(text(words, percent(at), 12 + 13 * row, text_anchor=side, class_="marked", dx=aside))
    values = [(place(value), unit.short(value)) for value in log_ticks(low, high)]
    return _framed(title, scale, values, parts)


# ---- parts


@dataclass(frozen=True, slots=True)
class _Scale:
    """From values to heights, counted downwards from the top of the plot."""

    ticks: Sequence[float]
    unit: Unit

    def y(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        return _HEIGHT * (1 - (max(low, min(value, high)) - low) / (high - low))


def _columns(piled: Sequence[Series], steps: int, scale: _Scale) -> list[Markup]:
    wide = _WIDE / steps
    bar = number(wide * _BAR_SHARE)
    aside = wide * (1 - _BAR_SHARE) / 2
    sums = [0.0] * steps
    drawn = []
    for one in piled:
        told = []
        for step, value in enumerate(one.values):
            if value:
                below = scale.y(sums[step])
                sums[step] += value
                above = scale.y(sums[step])
                told.append(f"M{number(step * wide + aside)} {above:.2f}h{bar}V{below:.2f}h-{bar}z")
        drawn.append(element("path", class_=f"{one.look} column", d="".join(told)))
    return drawn


def _line(one: Series, steps: int, scale: _Scale) -> Markup:
    wide = _WIDE / steps
    points = [None if value is None else ((n + 0.5) * wide, scale.y(value)) for n, value in enumerate(one.values)]
    line = element("path", class_=f"{one.look} line", d=path_of(points))
    around = [None, *points, None]
    lone = [point for n, point in enumerate(points) if around[n] is None and around[n + 2] is None]
    if one.look == "before" or not any(lone):
        return line
    dots = [element("path", class_=f"{one.look} line lone", d=path_of([point])) for point in lone if point is not None]
    return join([line, *dots])


def _step(
    moments: Moments, lines: Sequence[Series], heights: Sequence[float] | None, scale: _Scale, address: str, step: int
) -> Markup:
    """The strip that lights up under the mouse: what was then, and the way to it."""
    steps = len(moments.at_us)
    there = [(one, value) for one in lines if (value := one.values[step]) is not None]
    told = [moments.told[step], *(f"{visible(one.name)} {scale.unit.told(value)}" for one, value in there)]
    if heights is not None:
        told.insert(1, scale.unit.whole(heights[step]))
    middle = percent((step + 0.5) / steps)
    dots = "".join(
        [f'<circle class="{o.look} point" cx="{middle}" cy="{number(_TOP + scale.y(v))}" r="3"/>' for o, v in there]
    )
    return Markup(  # there are hundreds of these: each is written in one piece
        f'<a class="at" href="{escaped(address)}" tabindex="-1"><rect class="hit" x="{percent(step / steps)}" '
        f'y="{_TOP:g}" width="{percent(1 / steps)}" height="{_HEIGHT:g}"/>{dots}'
        f'<text class="tip" x="100%" y="12" text-anchor="end">{escaped(" · ".join(told))}</text></a>'
    )


def _framed(title: str, scale: _Scale, below: Sequence[tuple[float, str]], parts: Sequence[Markup]) -> Markup:
    """A plot with lines at round values, their names at the left, and names below."""
    levels = [(_TOP + scale.y(tick), scale.unit.short(tick)) for tick in scale.ticks]
    grid = [element("line", class_="grid", x1="0", x2="100%", y1=number(y), y2=number(y)) for y, _ in levels]
    wide = max(58, 12 + round(6.4 * max(len(label) for _, label in levels)))
    named = [text(label, str(wide - 6), y + 4, text_anchor="end") for y, label in levels]
    bottom = _TOP + _HEIGHT
    places = [_place(x, label, bottom + 16, index) for index, (x, label) in enumerate(below)]
    height = number(bottom + _BELOW)
    return element(
        "div",
        element("svg", *named, class_="ys", width=str(wide), height=height, aria_hidden="true"),
        element("svg", *grid, *places, *parts, class_="xy", height=height, role="img", aria_label=visible(title)),
        class_="plot",
    )


def _place(x: float, label: str, y: float, index: int) -> Markup:
    """A name below the plot; every second one is left out where it is narrow."""
    anchor = "start" if x < 0.02 else "end" if x > 0.97 else "middle"
    return text(label, percent(x), y, text_anchor=anchor, class_="tight" if index % 2 else None)
