"""Histograms and sums for Prometheus, counted by plain additions, a fraction of what its client's own cost.

They are added to from one thread, the event loop's, and read from any. Knows nothing of what is counted.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

__all__ = ["Histograms", "Sums", "Tally"]


class Tally:
    """One series of a histogram."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value


class Histograms(Collector):
    """A histogram's series by their labels. `bounds` are the upper bounds of its buckets, without infinity."""

    def __init__(self, name: str, text: str, labels: Sequence[str], bounds: Sequence[float], unit: str = "") -> None:
        self._name, self._text, self._labels, self._unit = name, text, tuple(labels), unit
        self._bounds = tuple(bounds)
        self._series: dict[tuple[str, ...], Tally] = {}

    def series(self, *labels: str) -> Tally:
        made = self._series.get(labels)
        if made is None:
            made = self._series[labels] = Tally(self._bounds)
        return made

    def renamed(self, name: str, text: str) -> "Histograms":
        """The same figures under another name; they are counted once."""
        made = Histograms(name, text, self._labels, self._bounds, self._unit)
        made._series = self._series
        return made

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(self._name, self._text, labels=self._labels, unit=self._unit)
        for labels, tally in list(self._series.items()):
            seen, buckets = 0, []
            for bound, count in zip([*map(str, map(float, self._bounds)), "+Inf"], list(tally.counts), strict=True):
                seen += count
                buckets.append((bound, seen))
            family.add_metric(labels, buckets, tally.total)
        yield family


class Sums(Collector):
    """A counter's series by their labels; add to `series(...)[0]`."""

    def __init__(self, name: str, text: str, labels: Sequence[str]) -> None:
        self._name, self._text, self._labels = name, text, tuple(labels)
        self._series: dict[tuple[str, ...], list[float]] = {}

    def series(self, *labels: str) -> list[float]:
        return self._series.setdefault(labels, [0.0])

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for labels, value in list(self._series.items()):
            family.add_metric(labels, value[0])
        yield family
