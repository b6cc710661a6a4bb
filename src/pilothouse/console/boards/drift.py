"""How far each ended day was from the days before it: what was asked, and what came out."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

from markupsafe import Markup

from pilothouse.console.boards.panels import Panel, table
from pilothouse.console.boards.view import View
from pilothouse.console.plots import Moments, Series, timeline
from pilothouse.console.svg import element
from pilothouse.console.units import Unit
from pilothouse.observe.topics.drifts import DayDrift

__all__ = ["panels"]

_DAY_US = 86_400_000_000
_EFFECT = Unit(lambda value: f"{value:.3g}", lambda value: f"{value:.3f}")
_NAMES = {"output_tokens": "Tokens written", "latency": "Latency", "outcome": "How requests end"}
_CHANCE = 0.001
_LINES = 6
_EPOCH = date(1970, 1, 1).toordinal()


def panels(view: View) -> list[Panel]:
    """The panels of a whole project; none where the view is narrowed, since drift is not kept by dimension."""
    if view.only or view.drifts is None:
        return []
    days = view.period.days
    found = view.drifts.between(view.project, days.start, days.stop - 1)
    by_kind: dict[str, list[DayDrift]] = {"input": [], "output": []}
    for one in found:
        by_kind[one.kind].append(one)
    return [_asked(view, by_kind["input"]), _came(view, by_kind["output"])]


def _asked(view: View, found: list[DayDrift]) -> Panel:
    series = [
        Series("effect", _by_day(view, found, "effect"), "s0"),
        Series("ordinary days up to", _by_day(view, found, "furthest"), "before"),
    ]
    rows = [
        [
            _day(view, one.day),
            f"{one.effect:.3f}",
            f"{one.furthest:.3f}",
            f"{one.p:.2g}",
            f"{one.samples:,}",
            f"{one.days}",
        ]
        for one in found
    ]
    heads = ("Effect", "Ordinary up to", "p", "Questions", "Days before")
    note = "The distance of a day's mean question from that of the days before, in standard deviations."
    return _panel(view, "Drift of questions", series, heads, rows, note)


def _came(view: View, found: list[DayDrift]) -> Panel:
    """The effects of each day; in the table those that chance hardly gives stand out."""
    by_measure: defaultdict[str, dict[int, DayDrift]] = defaultdict(dict)
    for one in found:
        by_measure[one.measure][one.day] = one
    measures = sorted(by_measure, key=lambda name: (name not in _NAMES, name))
    names = [_NAMES.get(name, name.capitalize()) for name in measures]
    series = [
        Series(name, _by_day(view, by_measure[measure].values(), "effect"), f"s{n}")
        for n, (measure, name) in enumerate(zip(measures[:_LINES], names, strict=False))
    ]
    rows = [
        [_day(view, day), *(_cell(by_measure[measure].get(day)) for measure in measures)]
        for day in sorted({one.day for one in found}, reverse=True)
    ]
    note = "The population stability index of a day against the days before."
    if len(measures) > _LINES:
        note += f" The first {_LINES} of {len(measures)}; the table has all."
    return _panel(view, "Drift of answers", series, names, rows, note)


def _panel(
    view: View, title: str, series: Sequence[Series], heads: Sequence[str], rows: list[list[Markup | str]], note: str
) -> Panel:  # fmt: skip
    days = view.period.days
    moments = Moments([day * _DAY_US for day in days], _DAY_US)
    chart = timeline(title, moments, series, _EFFECT, [_traces(view, day) for day in days])
    twin = table([("Day", ""), *((head, "n") for head in heads)], rows)
    return Panel(title, chart, [(one.name, one.look) for one in series], twin, note, empty=not rows)


def _by_day(view: View, found: Iterable[DayDrift], name: str) -> list[float | None]:
    by_day = {one.day: float(getattr(one, name)) for one in found}
    return [by_day.get(day) for day in view.period.days]


def _cell(one: DayDrift | None) -> Markup | str:
    """An effect with what ordinary days reach."""
    if one is None:
        return ""
    title = f"p = {one.p:.2g}, {one.samples:,} against {one.earlier:,} on {one.days} days"
    return element("b" if one.p <= _CHANCE else "span", f"{one.effect:.2f} ({one.furthest:.2f})", title=title)


def _day(view: View, day: int) -> Markup:
    return element("a", str(date.fromordinal(_EPOCH + day)), href=_traces(view, day))


def _traces(view: View, day: int) -> str:
    return view.traces(day * _DAY_US, (day + 1) * _DAY_US)
