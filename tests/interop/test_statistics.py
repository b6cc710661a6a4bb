"""Agreement and prediction-powered means beside the packages of those who proposed them, on random labels."""

import sys
from pathlib import Path

import pytest

krippendorff = pytest.importorskip("krippendorff")
ppi_py = pytest.importorskip("ppi_py")
numpy = pytest.importorskip("numpy")

sys.path.append(str(Path(__file__).parents[2] / "src"))  # of Pilothouse only what needs nothing but numpy
from pilothouse.stats.agreement import krippendorff as alpha
from pilothouse.stats.ppi import ppi_mean


@pytest.mark.parametrize("metric", ["nominal", "ordinal", "interval"])
@pytest.mark.parametrize("seed", range(20))
def test_alpha_is_that_of_krippendorff(metric: str, seed: int) -> None:
    random = numpy.random.default_rng(seed)
    items, raters, labels = (int(one) for one in random.integers((5, 2, 2), (120, 6, 7)))
    truth = random.integers(1, labels + 1, items)
    given = numpy.where(
        random.random((items, raters)) < 0.6, truth[:, None], random.integers(1, labels + 1, (items, raters))
    )
    data = numpy.where(random.random(given.shape) < 0.2, numpy.nan, given)
    due = krippendorff.alpha(reliability_data=data.T, level_of_measurement=metric)
    rows = [[None if numpy.isnan(one) else int(one) for one in row] for row in data]
    assert alpha(rows, metric).value == pytest.approx(due, abs=1e-12)


@pytest.mark.parametrize("weight", [None, 1.0, 0.0])
@pytest.mark.parametrize("seed", range(20))
def test_the_mean_is_that_of_ppi_python(weight: float | None, seed: int) -> None:
    random = numpy.random.default_rng(seed)
    n, alone = (int(one) for one in random.integers((20, 50), (400, 3000)))
    human = random.random(n + alone)
    judge = numpy.clip(human + random.normal(0.1, 0.2, n + alone), 0, 1)
    found = ppi_mean(human[:n], judge[:n], judge[n:], weight=weight)
    due = ppi_py.ppi_mean_pointestimate(human[:n], judge[:n], judge[n:], lam=weight)
    low, high = ppi_py.ppi_mean_ci(human[:n], judge[:n], judge[n:], alpha=0.05, lam=weight)
    assert found.estimate.value == pytest.approx(numpy.squeeze(due), abs=1e-12)
    # Its variances divide by n and its bounds are of the normal distribution; these divide by n - 1 and are of Student's.
    off = human[:n] - found.weight * judge[:n]
    theirs = (found.weight**2 * judge[n:].var() / alone + off.var() / n) ** 0.5
    assert numpy.squeeze(high - low) == pytest.approx(2 * 1.959963985 * theirs, rel=1e-8)
    assert theirs <= found.error <= theirs * (n / (n - 1)) ** 0.5 + 1e-12
    assert numpy.squeeze(high - low) < found.estimate.high - found.estimate.low
