"""Figures as people read them."""

import pytest

from pilothouse.evals.reports.figures import figure, interval, money, percent, probability, seconds, signed, times


@pytest.mark.parametrize(
    ("value", "told"),
    [(None, "–"), (0, "0.000"), (0.75, "0.750"), (0.00012, "0.00012"), (1234.56, "1,234.6"), (-0.5, "-0.500")],
)
def test_digits_that_tell_something(value: float | None, told: str) -> None:
    assert figure(value) == told


def test_the_rest() -> None:
    assert (signed(0.1), signed(-0.1), signed(None)) == ("+0.100", "-0.100", "–")
    assert (interval(0.1, 0.2), interval(None, 1)) == ("0.100 to 0.200", "no interval")
    assert (percent(0.125), percent(None)) == ("12.5%", "–")
    assert (probability(0.0001), probability(0.04)) == ("< 0.001", "0.040")
    assert (money(None), money(1_500_000), money(10**12)) == ("unknown", "$0.0015", "$1,000.00")
    assert money(5, 2) == "$0.0000 and 2 answers or verdicts of unknown price"
    assert (times(1), times(2)) == ("once", "2 times")
    assert (seconds(None), seconds(1.23456), seconds(61.26)) == ("–", "1.235 s", "61.3 s")
