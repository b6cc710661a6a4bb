"""What people ask about: the topics of the questions as a map, as a list, and over time."""

from collections import defaultdict
from datetime import UTC, datetime

from markupsafe import Markup

from pilothouse.console.boards.panels import Board, Panel, figure, over_time, share_bar, table
from pilothouse.console.boards.view import View
from pilothouse.console.maps import Group, dot_map
from pilothouse.console.plots import Series
from pilothouse.console.render import ROOT, visible
from pilothouse.console.svg import element, join
from pilothouse.console.units import COUNT, SHARE, change
from pilothouse.observe.topics.report import TopicReport, TopicShare

__all__ = ["board"]

_DOTS = 500
_LOOKS = 6
_LONGEST = 90


def board(view: View) -> Board:
    """The map, the list and the time of the topics. They are those of all requests, whatever a page is narrowed to."""
    told = view.topics.of(view.period, view.project, view.before, _DOTS, examples=1)
    if not told.topics:
        return Board([], [Panel("Topics", Markup(""), note=told.why, broad=True, empty=True)])
    looks = {one.topic.id: f"s{n}" if n < _LOOKS else "rest" for n, one in enumerate(told.topics)}
    sampled = min(told.questions, told.requests) / told.requests if told.requests else None
    tiles = [
        figure("Topics", COUNT, len(told.topics), None),
        figure("Questions in the sample", COUNT, told.questions, None),
        figure("Of the requests", SHARE, sampled, None, "", "evenly chosen, those with a kept input"),
    ]
    return Board(tiles, [_map(view, told, looks), _list(view, told, looks), _time(view, told, looks)])


def _map(view: View, told: TopicReport, looks: dict[str, str]) -> Panel:
    dots: defaultdict[str, list[tuple[float, float, str]]] = defaultdict(list)
    for dot in told.dots:
        dots[dot.topic].append((dot.x, dot.y, f"{ROOT}/traces/{dot.trace}"))
    groups = [
        Group(one.topic.label, one.topic.x, one.topic.y, looks[one.topic.id], _behind(view, one), dots[one.topic.id])
        for one in told.topics
    ]
    made = datetime.fromtimestamp(told.made_us / 1e6, UTC)
    note = f"A dot is a question, and leads to its trace. The nearer, the more alike. Found {made:%d %b %Y, %H:%M} UTC."
    if view.only:
        note += " Topics are those of all requests."
    if told.why:
        note += f" {told.why}"
    return Panel("Map of the questions", dot_map("Map of the questions", groups), note=note, broad=True)


def _list(view: View, told: TopicReport, looks: dict[str, str]) -> Panel:
    top = told.topics[0].questions
    heads = [("Topic", ""), ("", ""), ("Questions", "n"), ("Share", "n"), ("95 %", "n mid")]
    heads += [("Before", "n mid")] if view.before is not None else []
    heads.append(("An example", "mid"))
    rows = []
    for one in told.topics:
        name = element("a", element("bdi", visible(one.topic.label)), href=_behind(view, one), title="Its traces")
        cells: list[Markup | str] = [name, share_bar(one.questions / top, looks[one.topic.id]), f"{one.questions:,}"]
        cells += [SHARE.told(one.share), f"{SHARE.told(one.low)} to {SHARE.told(one.high)}"]
        cells += [change(one.share, one.before)] if view.before is not None else []
        rows.append([*cells, _example(one)])
    return Panel("Topics", table(heads, rows, "ranks"), broad=True)


def _example(one: TopicShare) -> Markup:
    shown = []
    for trace, asked in one.examples:
        words = asked if len(asked) <= _LONGEST else f"{asked[: _LONGEST - 1]}…"
        shown.append(element("a", element("bdi", visible(words)), href=f"{ROOT}/traces/{trace}"))
    return join(shown)


def _time(view: View, told: TopicReport, looks: dict[str, str]) -> Panel:
    """The largest by name, the others together."""
    counted = view.topics.over_time(view.period, view.project)
    at_us, series, rest = view.moments.at_us, list[Series](), [0.0] * len(view.moments.at_us)
    for one in told.topics:
        steps = counted.get(one.topic.id, {})
        values = [float(steps.get(at, 0)) for at in at_us]
        if looks[one.topic.id] == "rest":
            rest = [a + b for a, b in zip(rest, values, strict=True)]
        else:
            series.append(Series(one.topic.label, values, looks[one.topic.id]))
    if any(rest):
        series.append(Series("the rest", rest, "rest"))
    return over_time(view, "Questions of the sample", series, COUNT, stacked=True, broad=True)


def _behind(view: View, one: TopicShare) -> str:
    return view.traces(topic=one.topic.id)
