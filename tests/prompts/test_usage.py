"""Figures of each version, from sums that were made up here."""

from collections.abc import Sequence
from typing import Any, cast

import pytest

from pilothouse.observe.prompt_calls import PromptCalls, ScoreSums, Sums
from pilothouse.observe.sums.period import Period
from pilothouse.prompts.usage import Quality, usage_of

PERIOD = Period(0, 3_600_000_000)
LATENCIES = [float(number) for number in range(1, 101)]


class Kept:
    """Sums of two versions, as `PromptCalls` gives them."""

    def totals(self, *asked: Any, label: str | None = None) -> dict[int, Sums]:
        assert asked == ("shop", "rag", PERIOD.since_us, PERIOD.until_us)
        known = {"cost_nano": 90, "latency_us": 100, "ttft_us": 0, "input_tokens": 50, "output_tokens": 50}
        totals = {"cost_nano": 9e6, "latency_us": 5050.0, "ttft_us": 0.0, "input_tokens": 5e4, "output_tokens": 1e4}
        scores = {"good": ScoreSums(4, 2.0, 1.5), "once": ScoreSums(1, 1.0, 1.0)}
        full = Sums(100, 10, 5, 0, 50, 1, 9, known, totals, dict.fromkeys(totals, 0.0), scores)
        empty = dict.fromkeys(known, 0)
        return {3: full, 4: Sums(1, 1, 0, 0, 0, 2, 2, empty, dict.fromkeys(known, 0.0), dict.fromkeys(known, 0.0))}

    def values(self, *asked: Any, most: int) -> Sequence[float]:
        version, column = asked[2:4]
        return LATENCIES[::-1] if (version, column) == (3, "latency_us") else []


def test_figures_of_each_version() -> None:
    four, three = usage_of(cast(PromptCalls, Kept()), "shop", "rag", PERIOD)
    assert (four.version, four.nano_per_call, four.unpriced, four.tokens_per_call) == (4, None, 1, None)
    assert (four.latency_p50_us, four.errors.share, four.scores) == (None, 1.0, [])
    assert (three.nano_per_call, three.unpriced, three.tokens_per_call) == (100_000.0, 10, 1200.0)
    assert (three.latency_p50_us, three.latency_p95_us, three.ttft_p50_us) == (50.5, pytest.approx(95.05), None)
    assert (three.errors.share, three.refusals.count, three.cached.share) == (0.1, 5, 0.5)
    assert three.errors.low == pytest.approx(0.0552, abs=1e-4)  # Wilson's bounds of 10 in 100
    assert three.errors.high == pytest.approx(0.1744, abs=1e-4)
    good, once = three.scores
    half = 1.959963984540054 * (0.5 / 3 / 4) ** 0.5  # variance of [sum 2, squares 1.5, n 4] is (1.5 - 1) / 3
    assert (good.mean, good.high) == (0.5, pytest.approx(0.5 + half))
    assert once == Quality("once", 1, 1.0, None, None)
