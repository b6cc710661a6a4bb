"""What a trace adds to the rollups: sums and histograms by hour, one dimension at a time. Knows nothing of databases.

    requests  one per trace, as its root says: failures and latency
    calls     one per call of a model: errors, tokens, cost, latency, time to first token, tokens per second

Times in histograms are microseconds, speeds tokens per second.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pilothouse.observe.facts import Fact, State
from pilothouse.stats.histogram import bucket, linear

__all__ = ["CUBE", "DIMENSIONS", "HISTOGRAMS", "SUMS", "Cell", "Delta", "Judged", "Place", "ScoreCell", "ScorePlace"]

SUMS = (
    "requests", "failed", "calls", "call_errors", "cached", "input_tokens", "output_tokens", "cached_tokens",
    "cache_write_tokens", "reasoning_tokens", "cost_nano", "unpriced",
)  # fmt: skip
HISTOGRAMS = ("latency", "call_latency", "ttft", "tokens", "speed")
DIMENSIONS = (
    "all", "model", "deployment", "prompt", "endpoint", "key", "team", "user", "feature", "environment", "release",
    "error", "cube",
)  # fmt: skip
CUBE = "\x1f"
"""Between the model, prompt version, key and feature of the dimension `cube`."""

_HOUR_US = 3_600_000_000
_LONGEST = 200  # characters of a value: callers choose some of them


class Place(NamedTuple):
    """A row of the rollups, but for its grain."""

    project_id: str
    dimension: str
    hour: int
    value: str


class ScorePlace(NamedTuple):
    project_id: str
    dimension: str
    hour: int
    value: str
    name: str


class Cell:
    """Sums in the order of SUMS, histograms in that of HISTOGRAMS. May be negative: what is taken back."""

    __slots__ = ("histograms", "sums")

    def __init__(self) -> None:
        self.sums = [0] * len(SUMS)
        self.histograms: list[Counter[int]] = [Counter() for _ in HISTOGRAMS]

    def add(self, other: "Cell") -> None:
        for i, amount in enumerate(other.sums):
            self.sums[i] += amount
        for mine, theirs in zip(self.histograms, other.histograms, strict=True):
            for place, count in theirs.items():
                mine[place] += count

    def __bool__(self) -> bool:
        return any(self.sums) or any(any(counts.values()) for counts in self.histograms)


@dataclass(slots=True)
class ScoreCell:
    count: int = 0
    total: float = 0.0
    histogram: Counter[int] = field(default_factory=Counter)

    def add(self, other: "ScoreCell") -> None:
        self.count += other.count
        self.total += other.total
        for place, count in other.histogram.items():
            self.histogram[place] += count


class Judged(NamedTuple):
    """A score of a trace, as far as rollups go."""

    name: str
    value: float
    at_us: int
    span_id: str | None = None


class Delta:
    """Collects what traces add and what is taken back. Traces that look alike share a cell until the end, so that the
    dimensions cost once per batch and not once per span."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str | int | None, ...], Cell] = {}
        self._calls: dict[tuple[str | int | None, ...], Cell] = {}
        self._scores: dict[ScorePlace, ScoreCell] = {}

    def add(self, project_id: str, state: State, scores: tuple[Judged, ...] = (), sign: int = 1) -> None:
        """Add (or with sign -1 take back) a trace with its scores."""
        if not state.facts:
            return
        root = state.root
        common = tuple(state.first(name) for name in _COMMON)
        self._request(project_id, root, common, sign)
        calls = state.calls()
        for call in calls:
            self._call(project_id, call, common, sign)
        if scores:
            self._judge(project_id, state, common, calls, scores, sign)

    def cells(self) -> dict[Place, Cell]:
        """By dimension, in a fixed order."""
        made: dict[Place, Cell] = {}

        def put(place: Place, cell: Cell) -> None:
            known = made.get(place)
            if known is None:
                known = made[place] = Cell()
            known.add(cell)

        for key, cell in self._requests.items():
            project, hour, endpoint, error, *common = key
            parts = (("all", ""), ("endpoint", endpoint), ("error", error), *_named(common))
            for dimension, value in parts:
                if value is not None:
                    put(Place(str(project), dimension, int(hour or 0), str(value)), cell)
        for key, cell in self._calls.items():
            project, hour, endpoint, model, deployment, prompt, *common = key
            named = dict(_named(common))
            cube = CUBE.join(str(part or "") for part in (model, prompt, named["key"], named["feature"]))
            dimensions = (
                ("all", ""), ("model", model), ("deployment", deployment), ("prompt", prompt), ("endpoint", endpoint),
                ("cube", cube), *named.items(),
            )  # fmt: skip
            for dimension, value in dimensions:
                if value is not None:
                    put(Place(str(project), dimension, int(hour or 0), str(value)), cell)
        return {place: made[place] for place in sorted(made) if made[place]}

    def score_cells(self) -> dict[ScorePlace, ScoreCell]:
        return {place: self._scores[place] for place in sorted(self._scores)}

    # ---- parts

    def _request(self, project_id: str, root: Fact, common: tuple[str | None, ...], sign: int) -> None:
        failed = root.status == "error"
        error = _cut(root.error_code or "unknown") if failed else None
        key = (project_id, root.start_us // _HOUR_US, _cut(root.endpoint or root.name), error, *common)
        cell = self._requests.get(key)
        if cell is None:
            cell = self._requests[key] = Cell()
        cell.sums[_REQUESTS] += sign
        cell.sums[_FAILED] += sign * failed
        cell.histograms[_LATENCY][bucket(root.duration_us)] += sign

    def _call(self, project_id: str, call: Fact, common: tuple[str | None, ...], sign: int) -> None:
        own = [
            _cut(said) if (said := getattr(call, name)) is not None else known
            for name, known in zip(_COMMON, common, strict=True)
        ]
        model = call.response_model or call.request_model
        key = (
            project_id, call.start_us // _HOUR_US, call.endpoint and _cut(call.endpoint), model and _cut(model),
            call.deployment and _cut(call.deployment), call.prompt and _cut(call.prompt), *own,
        )  # fmt: skip
        cell = self._calls.get(key)
        if cell is None:
            cell = self._calls[key] = Cell()
        _count(cell, call, sign)

    def _judge(
        self,
        project_id: str,
        state: State,
        common: tuple[str | None, ...],
        calls: list[Fact],
        scores: tuple[Judged, ...],
        sign: int,
    ) -> None:
        """A score belongs to the time, the model and the prompt of what it judges, not to when it was given."""
        for score in scores:
            judged = state.facts.get(score.span_id or "")
            call = judged if judged is not None and judged.billed else (calls[0] if calls else None)
            hour = (judged or state.root).start_us // _HOUR_US
            model = (call.response_model or call.request_model) if call else None
            named = [("all", ""), ("model", model), ("prompt", call.prompt if call else None)]
            for dimension, value in (*named, *_named(common)):
                if value is not None:
                    place = ScorePlace(project_id, dimension, hour, _cut(value), _cut(score.name))
                    cell = self._scores.setdefault(place, ScoreCell())
                    cell.count += sign
                    cell.total += sign * score.value
                    cell.histogram[linear(score.value)] += sign


_COMMON = ("key_id", "team_id", "user_id", "feature", "environment", "release")
_COMMON_DIMENSIONS = ("key", "team", "user", "feature", "environment", "release")
_REQUESTS, _FAILED, _CALLS, _CALL_ERRORS, _CACHED, _INPUT, _OUTPUT = range(7)
_CACHED_TOKENS, _CACHE_WRITE, _REASONING, _COST, _UNPRICED = range(7, 12)
_LATENCY, _CALL_LATENCY, _TTFT, _TOKENS, _SPEED = range(5)


def _count(cell: Cell, call: Fact, sign: int) -> None:
    sums, histograms = cell.sums, cell.histograms
    sums[_CALLS] += sign
    sums[_CALL_ERRORS] += sign * (call.status == "error")
    read, written = call.input_tokens or 0, call.output_tokens or 0
    if call.cached:  # nothing was sent to a provider, so no tokens were bought
        sums[_CACHED] += sign
    else:
        sums[_INPUT] += sign * read
        sums[_OUTPUT] += sign * written
        sums[_CACHED_TOKENS] += sign * (call.cached_tokens or 0)
        sums[_CACHE_WRITE] += sign * (call.cache_write_tokens or 0)
        sums[_REASONING] += sign * (call.reasoning_tokens or 0)
        histograms[_TOKENS][bucket(read + written)] += sign
        if call.ttft_us is not None and written and call.duration_us > call.ttft_us:
            histograms[_SPEED][bucket(written / ((call.duration_us - call.ttft_us) * 1e-6))] += sign
    sums[_COST] += sign * (call.cost_nano or 0)
    sums[_UNPRICED] += sign * (not call.cost_known)
    histograms[_CALL_LATENCY][bucket(call.duration_us)] += sign
    if call.ttft_us is not None:
        histograms[_TTFT][bucket(call.ttft_us)] += sign


def _named(common: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    return zip(_COMMON_DIMENSIONS, common, strict=True)


def _cut(value: str) -> str:
    return value[:_LONGEST]
