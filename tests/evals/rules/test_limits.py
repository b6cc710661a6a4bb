import math
from typing import Any

import pytest

from pilothouse.errors import ConfigError
from pilothouse.evals.rules.limits import Cost, Latency


def test_without_a_limit_it_is_measured_alone(judge: Any) -> None:
    verdict = judge(Latency(), latency_s=1.5)
    assert (verdict.score, verdict.passed, verdict.detail) == (1.5, None, {"unit": "s"})
    assert judge(Cost(), cost_nano=2_500_000).score == 0.0025


def test_limits(judge: Any) -> None:
    assert judge(Latency(maximum_s=2), latency_s=2.0).passed
    slow = judge(Latency(maximum_s=2), latency_s=2.5)
    assert (slow.passed, slow.explanation) == (False, "2.5 s are more than 2 s.")
    assert judge(Cost(maximum_usd=0), cost_nano=0).passed
    assert not judge(Cost(maximum_usd=0.001), cost_nano=1_000_001).passed


def test_the_unknown_is_skipped(judge: Any) -> None:
    assert judge(Latency()).status == "skipped"
    assert judge(Latency(), latency_s=math.nan).status == "skipped"
    assert judge(Cost(maximum_usd=1)).explanation == "The case has no cost: the price of its model is not known."


def test_wrong_options() -> None:
    with pytest.raises(ConfigError, match=r"latency.maximum_s"):
        Latency(maximum_s=0)
    with pytest.raises(ConfigError, match=r"cost.maximum_usd"):
        Cost(maximum_usd=math.nan)
