"""Agreement and prediction-powered means beside the packages of those who proposed them, on random labels."""

import sys
from pathlib import Path
from typing import Any

import pytest

krippendorff = pytest.importorskip("krippendorff")
ppi_py = pytest.importorskip("ppi_py")
numpy = pytest.importorskip("numpy")


@pytest.fixture(scope="module", autouse=True)
def ours() -> None:
    """This environment has no Pilothouse; its statistics need nothing but numpy."""
    sys.path.append(str(Path(__file__).parents[2] / "src"))


def labels(seed: int) -> Any:
    """Items by raters, some labels missing."""
    random = numpy.random.default_rng(seed)
    items, raters, different = (int(one) for one in random.integers((5, 2, 2), (120, 6, 7)))
    truth = random.integers(1, different + 1, items)
    guesses = random.integers(1, different + 1, (items, raters))
    given = numpy.where(random.random((items, raters)) < 0.6, truth[:, None], guesses)
    return numpy.where(random.random(given.shape) < 0.2, numpy.nan, given)


@pytest.mark.parametrize("metric", ["nominal", "ordinal", "interval"])
@pytest.mark.parametrize("seed", range(20))
def test_alpha_is_that_of_krippendorff(metric: Any, seed: int) -> None:
    from pilothouse.stats.agreement import krippendorff as alpha

    data = labels(seed)
    due = krippendorff.alpha(reliability_data=data.T, level_of_measurement=metric)
    rows = [[None if numpy.isnan(one) else int(one) for one in row] for row in data]
    assert alpha(rows, metric).value == pytest.approx(due, abs=1e-12)


@pytest.mark.parametrize("weight", [None, 1.0, 0.0])
@pytest.mark.parametrize("seed", range(20))
def test_the_mean_is_that_of_ppi_python(weight: float | None, seed: int) -> None:
    """Its variances divide by n and its bounds are normal; ours divide by n - 1 and are Student's."""
    from pilothouse.stats.ppi import ppi_mean

    random = numpy.random.default_rng(seed)
    n, alone = (int(one) for one in random.integers((20, 50), (400, 3000)))
    human = random.random(n + alone)
    judge = numpy.clip(human + random.normal(0.1, 0.2, n + alone), 0, 1)
    found = ppi_mean(human[:n], judge[:n], judge[n:], weight=weight)
    due = ppi_py.ppi_mean_pointestimate(human[:n], judge[:n], judge[n:], lam=weight)
    low, high = ppi_py.ppi_mean_ci(human[:n], judge[:n], judge[n:], alpha=0.05, lam=weight)
    assert found.estimate.value == pytest.approx(float(numpy.squeeze(due)), abs=1e-12)
    fewest = min(n, alone)
    off = human[:n] - found.weight * judge[:n]
    theirs = (found.weight**2 * judge[n:].var() / alone + off.var() / n) ** 0.5
    assert float(numpy.squeeze(high - low)) == pytest.approx(2 * 1.959963985 * theirs, rel=1e-8)
    assert theirs <= found.error <= theirs * (fewest / (fewest - 1)) ** 0.5 + 1e-12
    assert found.estimate.high - found.estimate.low > float(numpy.squeeze(high - low))
