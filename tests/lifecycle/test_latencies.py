"""Samples of how long deployments took."""

import random

from pilothouse.lifecycle.latencies import Latencies
from pilothouse.types import Usage

from .conftest import ask


def test_a_draw_is_near_in_length() -> None:
    latencies = Latencies(random.Random(1))
    for tokens in range(1, 101):
        span = ask(0, usage=Usage(10, tokens))
        span.end_us = span.start_us + tokens * 1000
        latencies.add(span)
    drawn = [latencies.draw("pool/small", 90) for _ in range(200)]
    near = sum(took is not None and took.output_tokens > 60 for took in drawn)
    assert near > 190, "the nearest of eight is in the upper 40 % in all but 2 % of the draws"


def test_only_answered_calls_count_and_the_memory_is_bounded() -> None:
    latencies = Latencies(random.Random(1))
    latencies.add(ask(0, status="error"))
    latencies.add(ask(0, deployment=None))
    assert latencies.draw("pool/small", 1) is None
    for number in range(5000):
        span = ask(0)
        span.end_us = span.start_us + number
        latencies.add(span)
    drawn = [took.whole_us for _ in range(300) if (took := latencies.draw("pool/small", 100))]
    assert max(drawn) > 4000
    assert min(drawn) < 1000
    assert len(set(drawn)) <= 512
