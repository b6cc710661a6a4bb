"""Figures for Prometheus, on a registry of their own. Names and buckets are those of OpenTelemetry's GenAI metrics
(v1.41.0), written as its Prometheus exporter writes them. Knows nothing of HTTP.
"""

from collections.abc import Callable, Iterator
from typing import Any, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pilothouse.call import Span
from pilothouse.observe import names

__all__ = ["Metrics"]

_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
_MOST_SERIES = 2000
_OTHER = "_OTHER"
_NANO = 1e-9
_CALLED = (names.OPERATION_NAME, names.PROVIDER_NAME, names.REQUEST_MODEL, names.RESPONSE_MODEL)


class Metrics:
    """Counts what passes. A few microseconds per call: the children of each label set are looked up once and kept.

    Callers choose model names, so beyond 2,000 label sets the names become `_OTHER`.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        called = [_label(name) for name in _CALLED]
        self._duration = self._histogram(
            names.METRIC_DURATION, "GenAI operation duration.", [*called, "error_type"], _SECONDS, "seconds"
        )
        self._first_chunk = self._histogram(
            names.METRIC_TIME_TO_FIRST_CHUNK,
            "Time to receive the first chunk.",
            called,
            _SECONDS,
            "seconds",
        )
        self._tokens = self._histogram(
            names.METRIC_TOKENS,
            "Input and output tokens used.",
            [*called, _label(names.TOKEN_TYPE)],
            _TOKENS,
        )
        self._cost = self.counter("pilothouse_cost_usd", "Cost of model calls in USD.", ["provider", "model"])
        self._unpriced = self.counter("pilothouse_unpriced_calls", "Calls of unknown price.", ["provider", "model"])
        self._requests = self.counter("pilothouse_requests", "HTTP requests answered.", ["endpoint", "status"])
        self._in_flight = Gauge("pilothouse_in_flight_requests", "Requests being answered.", registry=self._registry)
        self._calls: dict[tuple[str | None, ...], _CallSeries] = {}
        self._answers: dict[tuple[str, int], Counter] = {}

    def observe(self, span: Span) -> None:
        """Count a finished model call."""
        key = (span.kind, span.operation, span.provider, span.request_model, span.response_model, span.error_code)
        series = self._calls.get(key)
        if series is None:
            series = self._calls_series(span, key)
        series.count(span)

    def request(self, endpoint: str, status: int) -> None:
        """Count an answered HTTP request. `endpoint` is a route, never a path that callers make up."""
        answers = self._answers.get((endpoint, status))
        if answers is None:
            answers = self._answers[endpoint, status] = self._requests.labels(endpoint, str(status))
        answers.inc()

    def in_flight(self) -> Any:
        """A context manager around the answering of one request."""
        return self._in_flight.track_inprogress()

    def pull(self, kind: Literal["gauge", "counter"], name: str, text: str, read: Callable[[], float]) -> None:
        """Show a figure that lives elsewhere; it is read whenever the metrics are rendered."""
        self._registry.register(_Pulled(kind, name, text, read))

    def render(self) -> bytes:
        """All figures in Prometheus' text format, version 0.0.4."""
        return generate_latest(self._registry)

    def _histogram(
        self, name: str, text: str, labels: list[str], buckets: tuple[float, ...], unit: str = ""
    ) -> Histogram:
        return Histogram(_label(name), text, labels, buckets=buckets, unit=unit, registry=self._registry)

    def counter(self, name: str, text: str, labels: list[str]) -> Counter:
        """A counter with labels that someone else counts with; the caller keeps their number bounded."""
        return Counter(name, text, labels, registry=self._registry)

    def _calls_series(self, span: Span, key: tuple[str | None, ...]) -> "_CallSeries":
        full = len(self._calls) >= _MOST_SERIES
        if full:
            key = (span.kind, span.operation, span.provider, _OTHER, _OTHER, span.error_code and _OTHER)
            if key in self._calls:
                return self._calls[key]
        requested = _OTHER if full else span.request_model or ""
        answered = _OTHER if full else span.response_model or ""
        called = (names.operation_of(span), names.provider_of(span) or "", requested, answered)
        billed = (span.provider or "", answered)
        error = (_OTHER if full else span.error_code) if span.error_code else ""
        made = _CallSeries(
            self._duration.labels(*called, error),
            self._first_chunk.labels(*called),
            self._tokens.labels(*called, "input"),
            self._tokens.labels(*called, "output"),
            self._cost.labels(*billed),
            self._unpriced.labels(*billed),
        )
        self._calls[key] = made
        return made


class _CallSeries:
    """The children of every metric for one label set."""

    __slots__ = ("_cost", "_duration", "_first_chunk", "_input", "_output", "_unpriced")

    def __init__(
        self,
        duration: Histogram,
        first_chunk: Histogram,
        input_tokens: Histogram,
        output_tokens: Histogram,
        cost: Counter,
        unpriced: Counter,
    ) -> None:
        self._duration = duration.observe
        self._first_chunk = first_chunk.observe
        self._input = input_tokens.observe
        self._output = output_tokens.observe
        self._cost = cost.inc
        self._unpriced = unpriced.inc

    def count(self, span: Span) -> None:
        self._duration(span.duration_us * 1e-6)
        if span.ttft_us is not None:
            self._first_chunk(span.ttft_us * 1e-6)
        if span.usage is not None:
            self._input(span.usage.input_tokens)
            if span.usage.output_tokens:
                self._output(span.usage.output_tokens)
        if span.cost_nano:
            self._cost(span.cost_nano * _NANO)
        if not span.cost_known:
            self._unpriced()


class _Pulled(Collector):
    """A figure read when it is asked for."""

    def __init__(self, kind: Literal["gauge", "counter"], name: str, text: str, read: Callable[[], float]) -> None:
        self._family = GaugeMetricFamily if kind == "gauge" else CounterMetricFamily
        self._name, self._text, self._read = name, text, read

    def collect(self) -> Iterator[Metric]:
        yield self._family(self._name, self._text, value=self._read())


def _label(name: str) -> str:
    return name.replace(".", "_")
