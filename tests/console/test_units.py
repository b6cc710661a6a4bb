"""Numbers at axes: round, few, and all of what is drawn below the last."""

import pytest

from pilothouse.console.units import COUNT, MONEY, SCORE, SHARE, TIME, Unit, change, log_ticks, round_ticks


@pytest.mark.parametrize(
    ("top", "unit", "ticks"),
    [
        (100, COUNT, ["0", "25", "50", "75", "100"]),
        (101, COUNT, ["0", "50", "100", "150"]),
        (1, COUNT, ["0", "1"]),
        (0, COUNT, ["0", "1"]),
        (83_000, COUNT, ["0", "25k", "50k", "75k", "100k"]),
        (1_700_000_000, MONEY, ["$0", "$0.5", "$1", "$1.5", "$2"]),
        (7e12, MONEY, ["$0", "$2k", "$4k", "$6k", "$8k"]),
        (12_750_000, TIME, ["0", "5 s", "10 s", "15 s"]),
        (420, TIME, ["0", "200 µs", "400 µs", "600 µs"]),
        (0.053, SHARE, ["0 %", "2 %", "4 %", "6 %"]),
        (1.0, SHARE, ["0 %", "25 %", "50 %", "75 %", "100 %"]),
        (0.93, SCORE, ["0", "0.25", "0.5", "0.75", "1"]),
    ],
)
def test_round_ticks(top: float, unit: Unit, ticks: list[str]) -> None:
    found = round_ticks(top, unit)
    assert [unit.short(tick) for tick in found] == ticks
    assert found[-1] >= top


@pytest.mark.parametrize("power", range(-6, 15))
@pytest.mark.parametrize("factor", [1, 1.01, 2.4, 3.7, 5.5, 9.99])
def test_any_top_fits_in_few_steps(power: int, factor: float) -> None:
    top = factor * 10.0**power
    found = round_ticks(top, SCORE)
    assert found[0] == 0
    assert found[-1] >= top * (1 - 1e-9)
    assert 2 <= len(found) <= 5
    assert found[-2] < top


def test_below_zero() -> None:
    found = round_ticks(0.9, SCORE, -0.6)
    assert found[0] <= -0.6
    assert 0 in found
    assert found[-1] >= 0.9
    assert round_ticks(0, SCORE, -3)[0] <= -3


def test_ticks_of_a_logarithmic_scale() -> None:
    assert log_ticks(900, 12_000) == [1000, 2000, 5000, 10_000]
    assert log_ticks(3, 2_000_000) == [10, 100, 1000, 10_000, 100_000, 1_000_000]


def test_change() -> None:
    assert [change(*pair) for pair in ((11, 10), (9, 10), (10, 10), (10, 0), (None, 3), (0, 5), (1e6, 1))] == [
        "+10 %", "−10 %", "±0 %", "", "", "−100 %", "+99,999,900 %",
    ]  # fmt: skip


def test_in_words() -> None:
    assert (MONEY.told(1_500_000_000), TIME.told(1_234_567), SHARE.told(0.05), COUNT.told(12.34)) == (
        "$1.5000", "1.23 s", "5.0 %", "12.3",
    )  # fmt: skip
    assert (COUNT.told(1234567), COUNT.told(None)) == ("1,234,567", "")
