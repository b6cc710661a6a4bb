"""Charts: what they draw stands for the numbers that they were given."""

import re

import pytest
from markupsafe import Markup

from pilothouse.console.plots import Bin, Moments, Series, Spread, heat_map, histogram, intervals, timeline
from pilothouse.console.units import COUNT, SCORE, TIME

from .site import HOSTILE

HOUR = 3_600_000_000
DAY = 24 * HOUR
START = 20_000 * DAY


def _heights(chart: Markup, look: str) -> list[float]:
    """Of the columns of one series, in units of 150 for the whole."""
    path = re.search(rf'class="{look} column" d="([^"]*)"', chart)
    assert path is not None
    return [float(y1) - float(y0) for y0, y1 in re.findall(r"M[\d.]+ ([\d.]+)h[\d.]+V([\d.]+)", path[1])]


def test_columns_stand_on_each_other_to_scale() -> None:
    moments = Moments([START, START + DAY], DAY)
    series = [Series("a", [10, 30], "s0"), Series("b", [20, 10], "s1"), Series("before", [40, None], "before")]
    chart = timeline("Calls", moments, series, COUNT, ["/x?1", "/x?2"], stacked=True)
    assert _heights(chart, "s0") == [37.5, 112.5]  # the axis ends at 40
    assert _heights(chart, "s1") == [75, 37.5]
    assert 'class="before line" d="M250 0h.1"' in chart
    assert re.findall(r'href="([^"]*)"', chart) == ["/x?1", "/x?2"]
    assert "Fri 04 Oct 2024 · 30 · before 40" in chart
    assert ">40</text>" in chart


def test_lines_have_gaps() -> None:
    moments = Moments([START + n * HOUR for n in range(4)], HOUR)
    chart = timeline("P95", moments, [Series("P95", [1000, None, 500, 1000], "s0")], TIME, ["/"] * 4)
    assert 'd="M125 0h.1M625 75h.1L875 0"' in chart
    assert re.findall(r'class="s0 line lone" d="([^"]*)"', chart) == ["M125 0h.1"]  # a dot, or nobody would see it
    assert chart.count("<circle") == 3


def test_round_times_below() -> None:
    hours = Moments([START + n * HOUR for n in range(24)], HOUR)
    assert [label for _, label in hours.ticks()] == [
        "4 Oct",
        "03:00",
        "06:00",
        "09:00",
        "12:00",
        "15:00",
        "18:00",
        "21:00",
    ]
    month = Moments([START + n * DAY for n in range(30)], DAY)
    assert [label for _, label in month.ticks()] == ["7 Oct", "14 Oct", "21 Oct", "28 Oct"]
    assert all(0 <= x <= 1 for x, _ in month.ticks())
    assert len(Moments([START + n * DAY for n in range(3650)], DAY).ticks()) < 25


def test_text_from_outside_stays_text() -> None:
    chart = timeline(HOSTILE, Moments([START], DAY), [Series(HOSTILE, [1], "s0")], COUNT, [HOSTILE])
    assert "<script" not in chart
    assert "<img" not in chart
    assert "\u202e" not in re.sub(r'href="[^"]*"', "", chart)


def test_the_week_as_a_map() -> None:
    week = [[0] * 24 for _ in range(7)]
    week[2][9] = 50
    week[6][23] = 25
    links: list[list[str | None]] = [["/t"] * 24 for _ in range(7)]
    chart = heat_map("Peak hours", week, links, "requests")
    assert "Wed 09:00 UTC: 50 requests" in chart
    assert chart.count('class="heat"') == chart.count('href="/t"') == 2
    assert chart.count('class="cold"') == 7 * 24 - 2
    assert {*re.findall(r'fill-opacity="([\d.]+)"', chart)} == {"1.00", "0.56"}


def test_a_histogram_with_its_marks() -> None:
    bins = [Bin(1000, 2000, 5, "/a"), Bin(2000, 4000, 10), Bin(4000, 8000, 0)]
    chart = histogram("Latency", bins, [("P50", 2000)], TIME)
    assert 'href="/a"' in chart
    heights = [float(h) for h in re.findall(r'class="s0 bin"[^>]* height="([\d.]+)"', chart)]
    assert heights == pytest.approx([75, 150, 0], abs=1)
    assert 'x1="33.333%"' in chart
    assert "P50 2 ms" in chart
    assert histogram("Latency", [], [], TIME) == ""


def test_intervals_narrow_and_the_first_ones_do_not_hide_the_rest() -> None:
    spreads = [Spread(START, -90, 0, 90), Spread(START + DAY, -1, 1, 3), Spread(START + 2 * DAY, 1, 2, 3)]
    chart = intervals("Difference", spreads, SCORE, [("no difference", 0.0), (HOSTILE, 1.0)])
    band = re.search(r'class="s0 band" d="([^"]*)"', chart)
    assert band is not None
    points = [tuple(map(float, point.split())) for point in re.findall(r"[ML]([\d.]+ [\d.]+)", band[1])]
    assert [x for x, _ in points] == [0, 500, 1000, 1000, 500, 0]
    assert points[0][1] == 0  # cut at the end of the axis
    assert points[2][1] < points[3][1]  # the upper end is above the lower one
    assert "1.000 (-1.000 to 3.000)" in chart
    assert "no difference</text>" in chart
    assert "<script" not in chart
    assert "\u202e" not in chart
    assert intervals("Nothing", [], SCORE, []) == ""
    assert "NaN" not in intervals("One", spreads[:1], SCORE, [("no difference", 0.0)])
