"""How long answers took: of requests, to the first token, by endpoint and model; and how fast tokens came."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise

from markupsafe import Markup

from pilothouse.console.boards.panels import CALLS, REQUESTS, Board, Column, Panel, over_time, ranking, table, tile
from pilothouse.console.boards.view import View
from pilothouse.console.plots import Bin, Series, histogram
from pilothouse.console.units import COUNT, RATE, SPEED, TIME, Unit
from pilothouse.observe.sums.amounts import Amounts, spread
from pilothouse.stats.histogram import ZERO, percentiles

__all__ = ["bins_of", "board", "distribution"]

_SHARES = (0.5, 0.95, 0.99)
_NAMES = ("P50", "P95", "P99")
_OCTAVE = 8  # buckets of stats.histogram to a doubling
_COLUMNS = 44


def board(view: View) -> Board:
    """Latency as a whole, over time, spread, by endpoint and by model."""
    kept = ("latency", "call_latency", "ttft", "speed")
    now, before = view.total(*kept), view.total_before(*kept)
    whole = "latency" if now.histogram("latency") or not view.only else "call_latency"
    of_what = "of requests" if whole == "latency" else "of calls"
    tiles = [
        tile(f"{name} {of_what}", TIME, _percentile(whole, share), now, before, "bad")
        for name, share in zip(_NAMES, _SHARES, strict=True)
    ]
    for name, share in zip(_NAMES[:2], _SHARES[:2], strict=True):
        tiles.append(tile(f"{name} to the first token", TIME, _percentile("ttft", share), now, before, "bad"))
    tiles.append(tile("Speed, median", SPEED, _percentile("speed", 0.5), now, before, "good"))
    counted, minutes = "requests" if whole == "latency" else "calls", (view.until_us - view.since_us) / 60_000_000
    per_minute = partial(_per_minute, counted, minutes)
    tiles.append(tile(f"{counted.capitalize()} a minute", RATE, per_minute, now, before))
    steps, steps_before = view.steps(whole, "ttft", "speed"), view.steps_before(whole)
    panels = [
        over_time(view, f"Latency {of_what}", _lines(steps, steps_before, whole, _SHARES), TIME, broad=True),
        distribution(view, f"How it spreads, {of_what}", now, whole, TIME),
        over_time(view, "Time to the first token", _lines(steps, None, "ttft", _SHARES[:2]), TIME),
        *_by(view),
        over_time(view, "Tokens per second, median", _lines(steps, None, "speed", (0.5,)), SPEED),
    ]
    return Board(tiles, panels)


def _per_minute(counted: str, minutes: float, amounts: Amounts) -> float:
    """The throughput of the whole period, quiet hours included."""
    return float(getattr(amounts, counted)) / minutes


def distribution(view: View, title: str, amounts: Amounts, name: str, unit: Unit) -> Panel:
    """A histogram with its percentiles; each column leads to the traces from there on, where it is a time."""
    counts = amounts.histogram(name)
    slower = name == "latency"
    bins = [
        Bin(low, high, count, view.traces(slower_us=str(int(low))) if slower else None)
        for low, high, count in bins_of(counts)
    ]  # fmt: skip
    found = percentiles(counts, _SHARES)
    marks = [(told, value) for told, value in zip(_NAMES, found, strict=True) if value is not None]
    rows: list[list[Markup | str]] = [
        [f"{unit.whole(one.low)} to {unit.whole(one.high)}", f"{one.count:,}"] for one in bins
    ]
    note = "A column leads to the traces that took as long or longer." if slower and bins else ""
    twin = table([("From, to", ""), ("Number", "n")], rows)
    return Panel(title, histogram(title, bins, marks, unit), twin=twin, note=note, empty=not bins)


def bins_of(counts: Mapping[int, int]) -> list[tuple[float, float, int]]:
    """A histogram of stats.histogram as columns (from, until before, number) without gaps: as many buckets to each as
    make it some 40 columns. What is zero is left out."""
    places = sorted(place for place, count in counts.items() if place != ZERO and count > 0)
    if not places:
        return []
    size = next(n for n in (1, 2, 4, 8, 16, 32, 64, 1 << 14) if (places[-1] - places[0]) / n < _COLUMNS)
    first, last = places[0] // size, places[-1] // size
    sums = dict.fromkeys(range(first, last + 1), 0)
    for place in places:
        sums[place // size] += counts[place]
    edges = [2 ** (place * size / _OCTAVE) for place in range(first, last + 2)]
    return [(low, high, count) for (low, high), count in zip(pairwise(edges), sums.values(), strict=True)]


def _lines(
    steps: Sequence[Amounts], before: Sequence[Amounts] | None, name: str, shares: Sequence[float]
) -> list[Series]:  # fmt: skip
    found = spread(steps, name, shares)
    lines = [Series(_NAMES[n], [one[n] for one in found], f"s{n}") for n in range(len(shares))]
    if before is not None:
        lines.append(Series("P95 before", [one[0] for one in spread(before, name, (0.95,))], "before"))
    return lines


def _percentile(name: str, share: float) -> Callable[[Amounts], float | None]:
    return lambda amounts: amounts.percentile(name, share)


def _at(name: str, share: float) -> Column:
    return Column(f"P{share * 100:.0f}", _percentile(name, share), TIME)


def _by(view: View) -> list[Panel]:
    panels = []
    if view.keeps("endpoint"):
        found = view.by("endpoint", "latency")
        columns: tuple[Column, ...] = (_at("latency", 0.95), _at("latency", 0.5), _at("latency", 0.99), REQUESTS)
        panels.append(ranking(view, "By endpoint, slowest P95 first", "endpoint", found, {}, columns))
    if view.keeps("model"):
        found = view.by("model", "call_latency", "ttft", "speed")
        first = Column("First token P50", _percentile("ttft", 0.5), TIME)
        fast = Column("Tokens/s", _percentile("speed", 0.5), COUNT)
        columns = (_at("call_latency", 0.95), _at("call_latency", 0.5), first, fast, CALLS)
        panels.append(ranking(view, "Calls by model, slowest P95 first", "model", found, {}, columns))
    return panels
