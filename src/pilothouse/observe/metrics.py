"""Figures for Prometheus, on a registry of their own. Names and buckets are those of OpenTelemetry's GenAI metrics
(v1.41.0), written as its Prometheus exporter writes them. Knows nothing of HTTP.
"""

from collections.abc import Callable, Iterator
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pilothouse.call import Span
from pilothouse.observe import names
from pilothouse.observe.tallies import Histograms, Sums, Tally

__all__ = ["Metrics"]

_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_FIRST_TOKEN = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_PER_TOKEN = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
_TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
_MOST_SERIES = 2000
_OTHER = "_OTHER"
_NANO = 1e-9
_CALLED = (names.OPERATION_NAME, names.PROVIDER_NAME, names.REQUEST_MODEL, names.RESPONSE_MODEL)


class Metrics:
    """Counts what passes, in two microseconds per call: the series of each label set are looked up once and kept.
    `in_flight` is the number of requests being answered. Counts on one thread, the event loop's.

    Callers choose model names, so beyond 2,000 label sets the names become `_OTHER`.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        called = [_label(name) for name in _CALLED]
        first_chunk, tokens = "Time to receive the first chunk.", "Input and output tokens used."
        self._duration = self._histogram(
            names.METRIC_DURATION, "GenAI operation duration.", [*called, "error_type"], _SECONDS, "seconds"
        )
        self._first_chunk = self._histogram(names.METRIC_TIME_TO_FIRST_CHUNK, first_chunk, called, _SECONDS, "seconds")
        whole = self._duration.renamed(
            _label(names.METRIC_SERVER_DURATION), "Duration of a request, as callers see it."
        )
        self._registry.register(whole)
        self._first_token = self._histogram(
            names.METRIC_SERVER_FIRST_TOKEN, "Time to the first token of a successful answer.", called, _FIRST_TOKEN,
            "seconds",
        )  # fmt: skip
        self._per_token = self._histogram(
            names.METRIC_SERVER_PER_TOKEN, "Time per output token after the first.", called, _PER_TOKEN, "seconds"
        )
        self._tokens = self._histogram(names.METRIC_TOKENS, tokens, [*called, _label(names.TOKEN_TYPE)], _TOKENS)
        billed = ["provider", "model"]
        self._cost = self._sums("pilothouse_cost_usd", "Cost of model calls in USD.", billed)
        self._unpriced = self._sums("pilothouse_unpriced_calls", "Calls of unknown price.", billed)
        self._requests = self._sums("pilothouse_requests", "HTTP requests answered.", ["endpoint", "status"])
        self.in_flight = 0
        self.pull("gauge", "pilothouse_in_flight_requests", "Requests being answered.", lambda: self.in_flight)
        self._calls: dict[tuple[str | None, ...], _CallSeries] = {}
        self._answers: dict[tuple[str, int], list[float]] = {}

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
            answers = self._answers[endpoint, status] = self._requests.series(endpoint, str(status))
        answers[0] += 1

    def pull(self, kind: Literal["gauge", "counter"], name: str, text: str, read: Callable[[], float]) -> None:
        """Show a figure that lives elsewhere; it is read whenever the metrics are rendered."""
        self._registry.register(_Pulled(kind, name, text, read))

    def render(self) -> bytes:
        """All figures in Prometheus' text format, version 0.0.4."""
        return generate_latest(self._registry)

    def _histogram(
        self, name: str, text: str, labels: list[str], bounds: tuple[float, ...], unit: str = ""
    ) -> Histograms:
        made = Histograms(_label(name), text, labels, bounds, unit)
        self._registry.register(made)
        return made

    def _sums(self, name: str, text: str, labels: list[str]) -> Sums:
        made = Sums(name, text, labels)
        self._registry.register(made)
        return made

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
            self._duration.series(*called, error),
            self._first_chunk.series(*called),
            self._first_token.series(*called),
            self._per_token.series(*called),
            self._tokens.series(*called, "input"),
            self._tokens.series(*called, "output"),
            self._cost.series(*billed),
            self._unpriced.series(*billed),
        )
        self._calls[key] = made
        return made


class _CallSeries:
    """The series of every metric for one label set."""

    __slots__ = ("_cost", "_duration", "_first_chunk", "_first_token", "_input", "_output", "_per_token", "_unpriced")

    def __init__(
        self, duration: Tally, first_chunk: Tally, first_token: Tally, per_token: Tally, read: Tally, written: Tally,
        cost: list[float], unpriced: list[float],
    ) -> None:  # fmt: skip
        self._duration = duration.add
        self._first_chunk = first_chunk.add
        self._first_token = first_token.add
        self._per_token = per_token.add
        self._input = read.add
        self._output = written.add
        self._cost = cost
        self._unpriced = unpriced

    def count(self, span: Span) -> None:
        self._duration(span.duration_us * 1e-6)
        if span.ttft_us is not None:
            first = span.ttft_us * 1e-6
            self._first_chunk(first)
            if span.status == "ok":
                self._first_token(first)
                if span.usage is not None and span.usage.output_tokens > 1:
                    self._per_token((span.duration_us * 1e-6 - first) / (span.usage.output_tokens - 1))
        if span.usage is not None:
            self._input(span.usage.input_tokens)
            if span.usage.output_tokens:
                self._output(span.usage.output_tokens)
        if span.cost_nano:
            self._cost[0] += span.cost_nano * _NANO
        if not span.cost_known:
            self._unpriced[0] += 1


class _Pulled(Collector):
    """A figure read when it is asked for."""

    def __init__(self, kind: Literal["gauge", "counter"], name: str, text: str, read: Callable[[], float]) -> None:
        self._family = GaugeMetricFamily if kind == "gauge" else CounterMetricFamily
        self._name, self._text, self._read = name, text, read

    def collect(self) -> Iterator[Metric]:
        yield self._family(self._name, self._text, value=self._read())


def _label(name: str) -> str:
    return name.replace(".", "_")
