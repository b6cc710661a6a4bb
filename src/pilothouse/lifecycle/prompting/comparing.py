"""How a version does in production beside the one before it: a figure a metric, by tests that hold at every look.

The two are compared one after the other in time, not side by side, and by call: what else changed at that time, as who
asks, is told as a change of the version. An experiment tells these apart. Plain functions over sums.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from pilothouse.observe.prompt_calls import ScoreSums, Sums
from pilothouse.prompting import WATCHED_METRICS, PromptWatch
from pilothouse.stats.sequential import Sample, contrast, one_sided_p, one_sided_radius, tuned_scale

__all__ = ["Figure", "Scales", "compared", "said"]

Scales = dict[str, float]
"""Of each metric the scale of its test, chosen at the first look after a move and kept."""

_FURTHER = 4.0  # times the calls of the first look: where the tests are sharpest
_RELATIVE = frozenset(("cost", "latency", "tokens"))
_SCORES = "scores"
_MOST_SCORES = 50


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A metric of two versions: means over so many calls, in nano-USD, microseconds, tokens, shares or as scores are.

    `allowed` is by how much it may get worse, a share of `before` where it is `relative`. `worse` is by how much more
    it did, at least `low`, None where that cannot be told yet. `p` is always valid, and corrected for all metrics."""

    name: str
    before: float
    after: float
    calls_before: int
    calls_after: int
    allowed: float
    relative: bool = False
    worse: float = 0.0
    low: float | None = None
    p: float = 1.0
    got_worse: bool = False


@dataclass(frozen=True, slots=True)
class _Pair:
    name: str
    before: Sample
    after: Sample
    lower_is_better: bool
    bounds: tuple[float, float] | None = None


def compared(
    before: Sums, after: Sums, watch: PromptWatch, scales: Scales, lower_scores: Collection[str] = ()
) -> tuple[list[Figure], Scales]:
    """The figures of both versions, and the scales for the next look. `lower_scores` are good when low."""
    pairs = list(_pairs(before, after, watch.metrics, lower_scores))
    kept, found = dict(scales), list[Figure]()
    for pair in pairs:
        found.append(_figure(pair, watch, kept, watch.alpha / len(pairs)))
    return found, kept


def said(figure: Figure) -> str:
    """A figure that got worse, in a few words."""
    before, after = (_shown(figure.name, value) for value in (figure.before, figure.after))
    change = f" ({figure.after / figure.before - 1:+.1%})" if figure.before and figure.relative else ""
    allowed = f"{figure.allowed:.1%}" if figure.relative else _shown(figure.name, figure.allowed)
    return (
        f"{figure.name} was {before} over {figure.calls_before:,} calls and is {after} over {figure.calls_after:,}"
        f"{change}; {allowed} is allowed (p = {figure.p:.2g})"
    )


def _pairs(before: Sums, after: Sums, metrics: Sequence[str], lower_scores: Collection[str]) -> Iterable[_Pair]:
    shares = {"errors": "errors", "refusals": "refused", "guards": "guarded", "cache": "cached"}
    for name in dict.fromkeys(metrics):
        if name in shares:
            one, other = (_share(getattr(sums, shares[name]), sums.calls) for sums in (before, after))
            yield _Pair(name, one, other, name != "cache", (0.0, 1.0))
        elif name in ("cost", "latency"):
            column = "cost_nano" if name == "cost" else "latency_us"
            yield _Pair(name, _column(before, column), _column(after, column), True)
        elif name == "tokens":
            yield _Pair(name, _tokens(before), _tokens(after), True)
    named = {one.removeprefix("score:") for one in metrics if one.startswith("score:")}
    both = [one for one in before.scores if one in after.scores and (_SCORES in metrics or one in named)]
    for name in sorted(both)[:_MOST_SCORES]:
        one, other = _score(before.scores[name]), _score(after.scores[name])
        unit = all(sums.squares <= sums.total * (1 + 1e-9) for sums in (before.scores[name], after.scores[name]))
        yield _Pair(f"score:{name}", one, other, name in lower_scores, (0.0, 1.0) if unit else None)


def _figure(pair: _Pair, watch: PromptWatch, scales: Scales, alpha: float) -> Figure:
    kind = _SCORES if pair.name.startswith("score:") else pair.name
    allowed = watch.worse_by.get(pair.name, watch.worse_by.get(kind, WATCHED_METRICS[kind]))
    relative = pair.name in _RELATIVE
    figure = Figure(
        name=pair.name, before=pair.before.average, after=pair.after.average, calls_before=pair.before.units,
        calls_after=pair.after.units, allowed=allowed, relative=relative,
    )  # fmt: skip
    if min(pair.before.units, pair.after.units) < watch.minimum:
        return figure
    found = contrast(pair.before, pair.after, 1 + allowed if relative else 1.0, pair.bounds)
    worse = (found.value if pair.lower_is_better else -found.value) - (0.0 if relative else allowed)
    error = found.error
    if error is None:
        return msgspec.structs.replace(figure, worse=worse)
    scale = scales.setdefault(pair.name, tuned_scale(error, _FURTHER, alpha))
    low = worse - float(one_sided_radius(error, scale, alpha))
    p = min(1.0, float(one_sided_p(worse, error, scale)) * watch.alpha / alpha)
    return msgspec.structs.replace(figure, worse=worse, low=low, p=p, got_worse=low > 0)


def _share(count: int, calls: int) -> Sample:
    share = count / calls if calls else 0.0
    return _sample(calls, share, calls * share * (1 - share))


def _column(sums: Sums, column: str) -> Sample:
    return _summed(sums.known[column], sums.totals[column], sums.squares[column])


def _score(sums: ScoreSums) -> Sample:
    return _summed(sums.count, sums.total, sums.squares)


def _tokens(sums: Sums) -> Sample:
    """Of input and output together. How they hang together is not in the sums: taken as if wholly."""
    parts = [_column(sums, column) for column in ("input_tokens", "output_tokens")]
    n = min(part.units for part in parts)
    deviation = sum((float(part.squares[0]) / max(1, part.units)) ** 0.5 for part in parts)
    return _sample(n, sum(part.average for part in parts), n * deviation**2)


def _summed(n: int, total: float, squares: float) -> Sample:
    mean = total / n if n else 0.0
    return _sample(n, mean, max(0.0, squares - n * mean * mean))


def _sample(n: int, mean: float, squares: float) -> Sample:
    return Sample(np.array([float(n)]), np.array([mean]), np.array([squares]))


def _shown(name: str, value: float) -> str:
    if name in ("errors", "refusals", "guards", "cache"):
        return f"{value:.1%}"
    if name == "cost":
        return f"${value / 1e9:.6f}"
    return f"{value / 1e6:.2f} s" if name == "latency" else f"{value:.0f}" if name == "tokens" else f"{value:.3f}"
