"""Two versions in production, from sums that are made up."""

from typing import Any

import numpy as np
import pytest

from pilothouse.lifecycle.prompting.comparing import compared, said
from pilothouse.observe.prompt_calls import ScoreSums, Sums
from pilothouse.prompting import PromptWatch


def sums(calls: int = 1000, *, spread: float = 0.3, scores: Any = None, **means: Any) -> Sums:
    """So many calls with these counts and means; `spread` is the deviation of what is no count, a share of its mean."""
    columns = {
        "cost_nano": 1e6, "latency_us": 1e6, "ttft_us": 2e5, "input_tokens": 500.0, "output_tokens": 100.0,
    } | {name: value for name, value in means.items() if name.endswith(("_us", "_nano", "_tokens"))}  # fmt: skip
    return Sums(
        calls, *(means.get(name, 0) for name in ("errors", "refused", "guarded", "cached")), 0, 0,
        dict.fromkeys(columns, calls), {name: calls * mean for name, mean in columns.items()},
        {name: calls * mean * mean * (1 + spread**2) for name, mean in columns.items()}, scores or {},
    )  # fmt: skip


def worse(before: Sums, after: Sums, lower: Any = (), **watch: Any) -> list[str]:
    figures, _ = compared(before, after, PromptWatch(**watch), {}, lower)
    return [figure.name for figure in figures if figure.got_worse]


def test_what_is_as_before_or_better_raises_nothing() -> None:
    scored = {"quality": ScoreSums(800, 640.0, 640.0)}
    before = sums(errors=10, refused=5, cached=300, scores=scored)
    assert worse(before, before) == []
    better = sums(200, cached=100, cost_nano=5e5, latency_us=5e5, scores={"quality": ScoreSums(200, 195.0, 195.0)})
    assert worse(before, better) == []


@pytest.mark.parametrize(
    ("metric", "change"),
    [
        ("errors", {"errors": 60}), ("refusals", {"refused": 60}), ("guards", {"guarded": 60}),
        ("cache", {"cached": 0}),
        ("cost", {"cost_nano": 1.4e6}), ("latency", {"latency_us": 1.6e6}), ("tokens", {"input_tokens": 900.0}),
    ],
    ids=["errors", "refusals", "guards", "cache", "cost", "latency", "tokens"],
)  # fmt: skip
def test_each_metric_tells_when_it_got_worse_beyond_what_is_allowed(metric: str, change: Any) -> None:
    before = sums(cached=400)
    assert worse(before, sums(400, **{"cached": 160, **change})) == [metric]
    assert worse(before, sums(400, **{"cached": 160, **change}), worse_by={metric: 5.0}) == []
    assert worse(before, sums(400, **{"cached": 160, **change}), metrics=["scores"]) == []


def test_a_score_falls_or_rises_as_it_is_good() -> None:
    before, after = (sums(scores={"s": ScoreSums(500, total, total)}) for total in (450.0, 350.0))
    assert worse(before, after) == ["score:s"]
    assert worse(before, after, metrics=["score:s"]) == ["score:s"]
    assert worse(before, after, metrics=["score:other"]) == []
    assert worse(before, after, lower=["s"]) == []
    assert worse(after, before, lower=["s"]) == ["score:s"]
    assert worse(before, after, worse_by={"scores": 0.5}) == []
    assert worse(before, after, worse_by={"score:s": 0.5}) == []


def test_too_few_calls_tell_nothing_and_steady_values_something() -> None:
    before = sums()
    assert worse(before, sums(49, errors=49)) == []
    assert worse(before, sums(50, errors=50)) == ["errors"]
    steady = sums(200, spread=0.0), sums(200, spread=0.0, cost_nano=1.3e6)
    assert worse(*steady) == ["cost"]
    free = sums(200, cost_nano=0.0)
    assert worse(free, free) == []


def test_a_figure_is_said_with_its_numbers() -> None:
    figures, scales = compared(sums(errors=10), sums(400, errors=60), PromptWatch(), {})
    (figure,) = [one for one in figures if one.got_worse]
    assert said(figure).startswith("errors was 1.0% over 1,000 calls and is 15.0% over 400; 1.0% is allowed (p = ")
    _, again = compared(sums(errors=10), sums(4000, errors=600), PromptWatch(), scales)
    assert again == scales


def test_looks_without_end_raise_few_false_alarms() -> None:
    random = np.random.default_rng(0)
    watch, alarms = PromptWatch(alpha=0.1, minimum=50, metrics=["errors", "cost"]), 0
    for _ in range(40):
        before, scales, errors, costs = sums(500, errors=int(random.binomial(500, 0.05))), {}, 0, [0.0, 0.0]
        costs_before = random.normal(1e6, 3e5, 500)
        before.totals["cost_nano"], before.squares["cost_nano"] = costs_before.sum(), np.square(costs_before).sum()  # type: ignore[index]
        for look in range(1, 40):
            errors += int(random.binomial(50, 0.06))
            more = random.normal(1.1e6, 3e5, 50)
            costs = [costs[0] + more.sum(), costs[1] + np.square(more).sum()]
            after = sums(50 * look, errors=errors)
            after.totals["cost_nano"], after.squares["cost_nano"] = costs  # type: ignore[index]
            figures, scales = compared(before, after, watch, scales)
            if any(figure.got_worse for figure in figures):
                alarms += 1
                break
    assert alarms <= 0.1 * 40
