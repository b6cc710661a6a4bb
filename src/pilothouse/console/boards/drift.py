"""How far each ended day was from the days before it: what was asked, and what came out."""

from collections import defaultdict

from markupsafe import Markup

from pilothouse.console.boards.panels import Panel, table
from pilothouse.console.boards.view import View
from pilothouse.console.plots import Moments, Series, timeline
from pilothouse.console.svg import element
from pilothouse.console.units import Unit
from pilothouse.observe.drifts import DayDrift

__all__ = ["panels"]

_DAY_US = 86_400_000_000
_EFFECT = Unit(lambda value: f"{value:.3g}", lambda value: f"{value:.3f}")
_NAMES = {"output_tokens": "Tokens written", "latency": "Latency", "outcome": "How requests end"}
_CHANCE = 0.001


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
    title = "Drift of questions"
    if not found:
        return Panel(title, Markup(""), empty=True)
    days, by_day = view.period.days, {one.day: one for one in found}
    moments = Moments([day * _DAY_US for day in days], _DAY_US)
    there = [by_day.get(day) for day in days]
    series = [
        Series("effect", [None if one is None else one.effect for one in there], "s0"),
        Series("ordinary days up to", [None if one is None else one.furthest for one in there], "before"),
    ]
    links = [_traces(view, day) for day in days]
    rows = [[_day(view, one), *_told(one), f"{one.samples:,}", f"{one.days}"] for one in found]
    numbers = ("Effect", "Ordinary up to", "p", "Questions", "Days before")
    heads = [("Day", ""), *((name, "n") for name in numbers)]
    note = "The distance of a day's mean question from that of the days before, in standard deviations."
    legend = [(one.name, one.look) for one in series]
    return Panel(title, timeline(title, moments, series, _EFFECT, links), legend, table(heads, rows), note)


def _came(view: View, found: list[DayDrift]) -> Panel:
    """The effects of each day; those that chance hardly gives stand out."""
    measures = sorted({one.measure for one in found}, key=lambda name: (name not in _NAMES, name))
    by_day: defaultdict[int, dict[str, DayDrift]] = defaultdict(dict)
    for one in found:
        by_day[one.day][one.measure] = one
    rows: list[list[Markup | str]] = []
    for day in sorted(by_day, reverse=True):
        cells = [by_day[day].get(measure) for measure in measures]
        first = next(iter(by_day[day].values()))
        rows.append([_day(view, first), *("" if one is None else _cell(one) for one in cells)])
    heads = [("Day", ""), *((_NAMES.get(name, name.capitalize()), "n") for name in measures)]
    note = (
        "The population stability index against the days before; in brackets what ordinary days reach. Bold: p ≤ 0.001."
    )
    return Panel("Drift of answers", table(heads, rows), note=note, broad=len(measures) > 4, empty=not rows)


def _cell(one: DayDrift) -> Markup | str:
    words = f"{one.effect:.2f} ({one.furthest:.2f})"
    title = f"p = {one.p:.2g}, {one.samples:,} against {one.earlier:,} on {one.days} days"
    return element("b" if one.p <= _CHANCE else "span", words, title=title)


def _told(one: DayDrift) -> list[str]:
    return [f"{one.effect:.3f}", f"{one.furthest:.3f}", f"{one.p:.2g}"]


def _day(view: View, one: DayDrift) -> Markup:
    return element("a", one.date, href=_traces(view, one.day))


def _traces(view: View, day: int) -> str:
    return view.traces(day * _DAY_US, (day + 1) * _DAY_US)
