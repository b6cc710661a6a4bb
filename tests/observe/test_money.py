import pytest

from pilothouse.observe.money import duration, usd


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (None, "unknown"),
        (0, "$0"),
        (37, "<$0.000001"),
        (123_000, "$0.000123"),
        (4_500_000, "$0.004500"),
        (1_240_000_000, "$1.2400"),
        (1_234_560_000_000, "$1,234.56"),
        (-123_000, "-$0.000123"),
    ],
)
def test_usd(nano: int | None, text: str) -> None:
    assert usd(nano) == text


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (None, ""),
        (0, "0 µs"),
        (850, "850 µs"),
        (1_240, "1.2 ms"),
        (12_340, "12 ms"),
        (999_400, "999 ms"),
        (999_600, "1.00 s"),
        (1_240_000, "1.24 s"),
        (185_000_000, "3 min 05 s"),
        (7_199_000_000, "119 min 59 s"),
        (7_200_000_000, "2 h 00 min"),
        (172_800_000_000, "2 days 0 h"),
    ],
)
def test_duration(us: int | None, text: str) -> None:
    assert duration(us) == text
