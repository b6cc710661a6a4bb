"""Intervals of shares, and the threshold for a stated false-hit rate."""

import pytest

from pilothouse.cache.calibration import Pair, calibrate, exact_interval


@pytest.mark.parametrize(
    ("count", "total", "interval"),
    [  # from R's binom.test
        (0, 10, (0.0, 0.3084971)), (1, 10, (0.002528579, 0.4450161)), (5, 10, (0.187086, 0.812914)),
        (10, 10, (0.6915029, 1.0)), (0, 0, (0.0, 1.0)),
    ],
)  # fmt: skip
def test_the_exact_interval(count: int, total: int, interval: tuple[float, float]) -> None:
    assert exact_interval(count, total) == pytest.approx(interval, abs=1e-5)


def pairs(same: int, false: int, cosine: float, *, vetoed: bool = False) -> list[Pair]:
    return [Pair(cosine, True, vetoed)] * same + [Pair(cosine, False, vetoed)] * false


def test_the_lowest_threshold_within_the_rate() -> None:
    given = pairs(400, 0, 0.9) + pairs(300, 1, 0.8) + pairs(200, 50, 0.7)
    found = calibrate(given, 0.01)
    assert found is not None
    assert found.threshold == 0.8
    assert (found.served, found.false_hit_rate) == (701, 1 / 701)
    assert found.hit_rate == 700 / 900
    assert found.false_hit_interval[1] <= 0.01
    assert found.hit_interval[0] < 700 / 900 < found.hit_interval[1]


def test_vetoes_take_away_what_is_false_and_what_is_right() -> None:
    given = pairs(400, 0, 0.9) + pairs(0, 100, 0.9, vetoed=True) + pairs(100, 0, 0.9, vetoed=True)
    found = calibrate(given, 0.01)
    assert found is not None
    assert found.hit_rate == 0.8
    assert calibrate([pair._replace(vetoed=False) for pair in given], 0.01) is None


def test_few_pairs_prove_nothing() -> None:
    assert calibrate(pairs(360, 0, 0.9), 0.01) is None
    assert calibrate(pairs(368, 0, 0.9), 0.01) is not None
    assert calibrate([], 0.01) is None
