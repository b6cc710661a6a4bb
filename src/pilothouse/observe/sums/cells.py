"""What a trace adds to the rollups: sums and histograms by hour, one dimension at a time. Knows nothing of databases.

    requests  one per trace, as its root says: failures and latency
    calls     one per call of a model: errors, tokens, cost, latency, time to first token, tokens per second and written
    guards    a trace is a request of each guard that looked at it, failed where the guard triggered; where it could not
              look, that is a call's error

Times in histograms are microseconds, speeds tokens per second.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import add as sum_of
from typing import Any, NamedTuple, TypeVar

from pilothouse.observe.facts import About, Fact, State
from pilothouse.stats.histogram import bucket, linear

__all__ = [
    "CUBE",
    "DIMENSIONS",
    "HISTOGRAMS",
    "SUMS",
    "Cell",
    "Delta",
    "Judged",
    "Place",
    "ScoreCell",
    "ScorePlace",
    "add_to",
]

SUMS = (
    "requests", "failed", "calls", "call_errors", "cached", "input_tokens", "output_tokens", "cached_tokens",
    "cache_write_tokens", "reasoning_tokens", "cost_nano", "unpriced",
)  # fmt: skip
HISTOGRAMS = ("latency", "call_latency", "ttft", "tokens", "speed", "written")
DIMENSIONS = (
    "all", "model", "deployment", "prompt", "endpoint", "key", "team", "user", "feature", "environment", "release",
    "error", "guard", "guard_policy", "cube",
)  # fmt: skip
P = TypeVar("P")
C = TypeVar("C", "Cell", "ScoreCell")
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
    """A row of the score rollups, but for its grain."""

    project_id: str
    dimension: str
    hour: int
    value: str
    name: str


class Cell:
    """Sums in the order of SUMS, histograms in that of HISTOGRAMS. May be negative: what is taken back.

    Cells that were added up may share histograms with those they were made of.
    """

    __slots__ = ("histograms", "sums")

    def __init__(self, sums: list[int] | None = None, histograms: tuple[dict[int, int], ...] | None = None) -> None:
        self.sums = sums or [0] * len(SUMS)
        self.histograms = histograms or ({}, {}, {}, {}, {}, {})

    def __add__(self, other: "Cell") -> "Cell":
        return Cell(
            [*map(sum_of, self.sums, other.sums)], tuple(map(_joined, self.histograms, other.histograms))
        )  # fmt: skip

    def __bool__(self) -> bool:
        return any(self.sums) or any(any(counts.values()) for counts in self.histograms)


@dataclass(frozen=True, slots=True)
class ScoreCell:
    """Scores of one name: how many, their sum, and how they spread."""

    count: int = 0
    total: float = 0.0
    histogram: dict[int, int] = field(default_factory=dict)

    def __add__(self, other: "ScoreCell") -> "ScoreCell":
        return ScoreCell(
            self.count + other.count, self.total + other.total, _joined(self.histogram, other.histogram)
        )  # fmt: skip

    def __bool__(self) -> bool:
        return self.count != 0


class Judged(NamedTuple):
    """A score of a trace, as far as rollups go."""

    name: str
    value: float
    at_us: int
    span_id: str | None = None


class Delta:
    """Collects what traces add and what is taken back. Traces that look alike share a cell until the end, so that the
    dimensions cost once per batch and not once per span. Users are many, and of guards there is nothing to spread: they
    get their sums alone, and no histograms.
    """

    def __init__(self) -> None:
        self._requests: defaultdict[tuple[Any, ...], Cell] = defaultdict(Cell)
        self._calls: defaultdict[tuple[Any, ...], Cell] = defaultdict(Cell)
        self._sums: defaultdict[Place, Cell] = defaultdict(lambda: Cell(histograms=_NONE))
        self._scores: defaultdict[ScorePlace, ScoreCell] = defaultdict(ScoreCell)

    def add(self, project_id: str, state: State, scores: Sequence[Judged] = (), sign: int = 1) -> None:
        """Add (or with sign -1 take back) a trace with its scores."""
        if not state.facts:
            return
        about, calls = state.about, state.calls
        self._request(project_id, state.root, about, sign)
        for call in calls:
            self._call(project_id, call, state.root, about, sign)
        self._guards(project_id, state, sign)
        for score in scores:
            self._judge(project_id, state, about, calls, score, sign)

    def cells(self) -> dict[Place, Cell]:
        """By dimension, in a fixed order."""
        made = dict(self._sums)
        for (project, hour, endpoint, error, *about), cell in self._requests.items():
            parts = (("all", ""), ("endpoint", endpoint), ("error", error), *zip(_SHARED, about, strict=True))
            add_to(made, _places(project, hour, parts), cell)
        for (project, hour, endpoint, model, deployment, prompt, *about), cell in self._calls.items():
            cube = CUBE.join(part or "" for part in (model, prompt, about[0], about[2]))
            called = (
                ("all", ""), ("model", model), ("deployment", deployment), ("prompt", prompt), ("endpoint", endpoint),
                ("cube", cube), *zip(_SHARED, about, strict=True),
            )  # fmt: skip
            add_to(made, _places(project, hour, called), cell)
        return {place: made[place] for place in sorted(made) if made[place]}

    def score_cells(self) -> dict[ScorePlace, ScoreCell]:
        return {place: self._scores[place] for place in sorted(self._scores)}

    # ---- parts

    def _request(self, project_id: str, root: Fact, about: About, sign: int) -> None:
        failed, hour = root.status == "error", root.start_us // _HOUR_US
        error = (root.error_code or "unknown") if failed else None
        key_id, team_id, user_id, feature, environment, release = about[:6]
        key = project_id, hour, root.endpoint or root.name, error, key_id, team_id, feature, environment, release
        cell = self._requests[key]
        cell.sums[_REQUESTS] += sign
        cell.sums[_FAILED] += sign * failed
        _tick(cell.histograms[_LATENCY], bucket(root.duration_us), sign)
        if user_id is not None:
            sums = self._sums[Place(project_id, "user", hour, cut(user_id))].sums
            sums[_REQUESTS] += sign
            sums[_FAILED] += sign * failed

    def _call(self, project_id: str, call: Fact, root: Fact, about: About, sign: int) -> None:
        key = (
            project_id, call.start_us // _HOUR_US, call.endpoint or root.endpoint or root.name,
            call.response_model or call.request_model, call.deployment, call.prompt, call.key_id or about.key_id,
            call.team_id or about.team_id, call.feature or about.feature, call.environment or about.environment,
            call.release or about.release,
        )  # fmt: skip
        cell = self._calls[key]
        _count(cell.sums, call, sign)
        _measure(cell.histograms, call, sign)
        user_id = call.user_id or about.user_id
        if user_id is not None:
            _count(self._sums[Place(project_id, "user", key[1], cut(user_id))].sums, call, sign)

    def _guards(self, project_id: str, state: State, sign: int) -> None:
        told = [one for fact in state.facts.values() for one in fact.guards]
        if not told:
            return
        hour, seen = state.root.start_us // _HOUR_US, defaultdict[tuple[str, str], set[str]](set)
        for status, named in told:
            seen["guard_policy", named].add(status)
            seen["guard", named.rpartition(": ")[2]].add(status)
        for (dimension, value), statuses in seen.items():
            sums = self._sums[Place(project_id, dimension, hour, cut(value))].sums
            sums[_REQUESTS] += sign
            sums[_FAILED] += sign * ("triggered" in statuses)
            sums[_CALL_ERRORS] += sign * ("failed" in statuses)

    def _judge(
        self, project_id: str, state: State, about: About, calls: Sequence[Fact], score: Judged, sign: int
    ) -> None:
        """A score belongs to the time, the model and the prompt of what it judges, not to when it was given."""
        judged = state.facts.get(score.span_id or "")
        call = judged if judged is not None and judged.billed else (calls[0] if calls else None)
        hour = (judged or state.root).start_us // _HOUR_US
        model = (call.response_model or call.request_model) if call else None
        shared = (about.key_id, about.team_id, about.feature, about.environment, about.release)
        named = (("all", ""), ("model", model), ("prompt", call.prompt if call else None), ("user", about.user_id))
        for dimension, value in (*named, *zip(_SHARED, shared, strict=True)):
            if value is not None:
                place = ScorePlace(project_id, dimension, hour, cut(value), cut(score.name))
                self._scores[place] += ScoreCell(sign, sign * score.value, {linear(score.value): sign})


def add_to(cells: dict[P, C], places: Iterable[P], cell: C) -> None:
    """Add a cell to those at some places."""
    for place in places:
        cells[place] = cells[place] + cell if place in cells else cell


def _places(project: str, hour: int, told: Iterable[tuple[str, str | None]]) -> list[Place]:
    return [Place(project, dimension, hour, cut(value)) for dimension, value in told if value is not None]


_NONE: tuple[dict[int, int], ...] = ({}, {}, {}, {}, {}, {})
_SHARED = ("key", "team", "feature", "environment", "release")
_REQUESTS, _FAILED, _CALLS, _CALL_ERRORS, _CACHED, _INPUT, _OUTPUT = range(7)
_CACHED_TOKENS, _CACHE_WRITE, _REASONING, _COST, _UNPRICED = range(7, 12)
_LATENCY, _CALL_LATENCY, _TTFT, _TOKENS, _SPEED, _WRITTEN = range(6)


def _count(sums: list[int], call: Fact, sign: int) -> None:
    sums[_CALLS] += sign
    sums[_CALL_ERRORS] += sign * (call.status == "error")
    sums[_COST] += sign * (call.cost_nano or 0)
    sums[_UNPRICED] += sign * (not call.cost_known)
    if call.cached:  # nothing was sent to a provider, so no tokens were bought
        sums[_CACHED] += sign
        return
    sums[_INPUT] += sign * (call.input_tokens or 0)
    sums[_OUTPUT] += sign * (call.output_tokens or 0)
    sums[_CACHED_TOKENS] += sign * (call.cached_tokens or 0)
    sums[_CACHE_WRITE] += sign * (call.cache_write_tokens or 0)
    sums[_REASONING] += sign * (call.reasoning_tokens or 0)


def _measure(histograms: Sequence[dict[int, int]], call: Fact, sign: int) -> None:
    duration, ttft = call.duration_us, call.ttft_us
    _tick(histograms[_CALL_LATENCY], bucket(duration), sign)
    if ttft is not None:
        _tick(histograms[_TTFT], bucket(ttft), sign)
    if not call.cached and call.input_tokens is not None:
        written = call.output_tokens or 0
        _tick(histograms[_TOKENS], bucket((call.input_tokens or 0) + written), sign)
        if call.output_tokens is not None:
            _tick(histograms[_WRITTEN], bucket(written), sign)
        if ttft is not None and written and duration > ttft:
            _tick(histograms[_SPEED], bucket(written / ((duration - ttft) * 1e-6)), sign)


def _joined(one: dict[int, int], other: dict[int, int]) -> dict[int, int]:
    """The sum of two histograms: one of them itself where the other is empty."""
    if not (one and other):
        return one or other
    made = dict(one)
    for place, count in other.items():
        made[place] = made.get(place, 0) + count
    return made


def _tick(counts: dict[int, int], place: int, sign: int) -> None:
    counts[place] = counts.get(place, 0) + sign


def cut(value: str) -> str:
    """The part of a value that a row of the rollups is named by."""
    return value if len(value) <= _LONGEST else value[:_LONGEST]
