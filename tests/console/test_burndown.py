"""The lines of a burn-down and where a projection leads."""

import pytest

from pilothouse.console.burndown import burn_down, day_bars, projected


def points(line: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in line.split())]


@pytest.mark.parametrize(
    ("spending", "today", "expected"),
    [
        ([], 10, None),  # nothing to go by
        ([(10, 5)], 10, None),  # no whole day yet
        ([(9, 10)], 10, 10 + 10 + 9 * 10),  # one whole day of 10, today goes as it went
        ([(9, 10), (10, 25)], 10, 10 + 25 + 9 * 10),  # today went beyond the mean already
        ([(3, 70)], 10, 70 + 10 + 9 * 10),  # a mean over seven days, six of them without calls
        ([(2, 700), (9, 7)], 10, 7 + 700 + 1 + 9),  # the day before the last seven counts for the sum alone
    ],
)
def test_projections(spending: list[tuple[int, int]], today: int, expected: int | None) -> None:
    assert projected(spending, 0, 20, today) == expected


def test_days_before_the_period_count_for_the_mean_alone() -> None:
    assert projected([(d, 10) for d in range(7)], 7, 9, 7) == 20


def test_the_lines() -> None:
    chart = burn_down([(0, 10), (2, 10)], 0, 10, 2, limit=100, soft=80)
    spent = points(chart.spent)
    assert [x for x, _ in spent] == [4, 51.2, 98.4, 145.6]
    heights = [132 - y for _, y in spent]
    assert heights[0] == 0
    assert heights[1] == heights[2] == pytest.approx(heights[3] / 2, abs=0.1)
    assert points(chart.ideal)[1] == (476, chart.limit_y)
    assert points(chart.projection)[0] == spent[-1]
    assert points(chart.projection)[1][0] == 476
    assert chart.projected == 10 + 10 + 5 * 7
    assert chart.soft_y is not None
    assert chart.limit_y < chart.soft_y < 132


def test_what_goes_beyond_the_limit_stays_in_the_drawing() -> None:
    chart = burn_down([(0, 500)], 0, 10, 1, limit=100, soft=80)
    every = points(chart.spent) + points(chart.ideal) + points(chart.projection) + points(chart.area)
    assert all(4 <= x <= 476 and 14 <= y <= 132 for x, y in every)
    assert chart.limit_y > points(chart.spent)[-1][1]


def test_a_budget_for_good_has_no_projection() -> None:
    chart = burn_down([(5, 10)], 5, None, 7, limit=100, soft=80, before=40)
    assert chart.projection == chart.ideal == ""
    assert chart.projected is None
    spent = points(chart.spent)
    assert spent[0][1] < 132
    assert spent[-1][0] == 476


def test_the_last_day_of_a_period() -> None:
    chart = burn_down([(8, 1), (9, 1)], 0, 10, 9, limit=100, soft=100)
    assert chart.projection == ""
    assert chart.soft_y is None


def test_a_budget_of_nothing() -> None:
    assert burn_down([], 0, 1, 0, limit=0, soft=0).soft_y is None


def test_bars_of_days() -> None:
    bars = day_bars([(1, 5), (3, 10), (9, 100)], 0, 3)
    assert [bar.height for bar in bars] == [0, 30, 0, 60]
    assert [bar.y for bar in bars] == [60, 30, 60, 0]
    assert [bar.day for bar in bars] == [0, 1, 2, 3]
    assert bars[-1].x + bars[-1].width <= 1000
    assert {bar.height for bar in day_bars([], 0, 3)} == {0}
