"""Reports of shadow traffic over recorded comparisons, on both databases."""

from typing import Any

from pilothouse.call import Span
from pilothouse.lifecycle.shadow import ShadowReports
from pilothouse.storage import Store

from .conftest import START, Write, ask


def compared(at: float, *, agrees: bool = True, **more: Any) -> list[Span]:
    """A live call, and its comparison below it."""
    root = ask(at, id=f"root{at}", trace_id=f"trace{at}")
    told = {
        "shadow": True, "shadow_alias": "fast", "shadow_model": "new", "shadow_agrees": agrees, "shadow_overlap": 0.5,
        "shadow_cosine": None, "live_latency_us": 1000, "shadow_latency_us": 3000 + int(at) * 1000, **more,
    }  # fmt: skip
    below = ask(
        at, id=f"shadow{at}", trace_id=root.trace_id, parent_id=root.id, kind="evaluator", operation="shadow",
        request_model=told["shadow_alias"], attributes=told,
    )  # fmt: skip
    return [root, below]


def test_means_and_intervals_per_alias_and_candidate(store: Store, write: Write) -> None:
    spans = [*compared(0), *compared(2, agrees=False), *compared(3, shadow_alias="other")]
    failed = compared(4)
    failed[1].status = "error"
    del failed[1].attributes["shadow_agrees"]
    write([*spans, *failed])
    reports = ShadowReports(store.observe)
    fast, other = reports.report(START)
    assert (fast.alias, fast.calls, fast.failed, fast.agreed, fast.agreement) == ("fast", 3, 1, 1, 0.5)
    assert (fast.overlap, fast.cosine, fast.cost_nano) == (0.5, None, None)
    assert fast.latency_us is not None
    assert (fast.latency_us.live, fast.latency_us.candidate, fast.latency_us.mean) == (1000, 4000, 3000)
    assert fast.latency_us.interval is not None
    low, high = fast.latency_us.interval
    assert (round(low), round(high)) == (1040, 4960)
    assert other.latency_us is not None
    assert other.latency_us.interval is None


def test_only_what_was_asked_for(store: Store, write: Write) -> None:
    write([*compared(0), *compared(2, shadow_alias="other")])
    reports = ShadowReports(store.observe)
    assert [row.alias for row in reports.report(START + 1_000_000)] == ["other"]
    assert [row.alias for row in reports.report(START, alias="fast")] == ["fast"]
    assert reports.report(START, project="elsewhere") == []
