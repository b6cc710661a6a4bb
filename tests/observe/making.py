"""Spans made for tests: one with every field filled, and plain ones by the thousand."""

from typing import Any

from pilothouse.call import Span
from pilothouse.ids import content_hash, new_id, now_us
from pilothouse.types import Usage

VERSIONS = {"deployment": "openai/gpt-4o", "snapshot": "3-abc"}


def full_span(**changes: Any) -> Span:
    """A model call with every field that a span has."""
    fields: dict[str, Any] = {
        "id": new_id()[16:], "trace_id": new_id(), "project_id": "default", "name": "chat fast", "kind": "llm",
        "start_us": now_us(), "parent_id": None, "status": "ok", "request_id": f"req_{new_id()}", "key_id": "key-1",
        "user_id": "ada", "session_id": "session-1", "endpoint": "/v1/chat/completions", "operation": "chat",
        "provider": "openai", "request_model": "fast", "response_model": "gpt-4o", "deployment": "openai/gpt-4o",
        "usage": Usage(1000, 200, cached_tokens=400, reasoning_tokens=50), "ttft_us": 3000, "cost_nano": 4_500_000,
        "manifest_id": content_hash(VERSIONS), "versions": VERSIONS,
        "attributes": {"gen_ai.request.stream": True, "gen_ai.response.finish_reasons": ["stop"]},
        "input": {"messages": [{"role": "user", "content": "What was the revenue?"}]},
        "output": {"choices": [{"message": {"role": "assistant", "content": "5.2 billion."}}]},
    }  # fmt: skip
    span = Span(**(fields | changes))
    if "end_us" not in changes:
        span.end_us = span.start_us + 120_000
    return span


def drift_rows(today: int, project: str = "default") -> list[dict[str, Any]]:
    """Rows of `drifts` for the three days before today: the last one far off."""
    made = []
    for ago in (3, 2, 1):
        far = (
            {"statistic": 0.05, "p": 0.0005, "effect": 0.412}
            if ago == 1
            else {"statistic": 0.01, "p": 0.4, "effect": 0.012}
        )
        rest = {"usual": 0.01, "furthest": 0.031, "samples": 200, "earlier": 2400, "days": 12}
        for kind, measure in (("input", "questions"), ("output", "latency"), ("output", "score helpful")):
            place = {"project_id": project, "day": today - ago, "kind": kind, "measure": measure}
            made.append(place | far | rest)
    return made


def step(span_id: str, parent_id: str | None = None, at: int = 0, lasting: int = 10, **changes: Any) -> Span:
    """A bare span of trace `t`, beginning `at` microseconds after a fixed moment."""
    start = 1_700_000_000_000_000 + at
    fields: dict[str, Any] = {
        "trace_id": "t", "project_id": "default", "name": span_id, "kind": "chain", "end_us": start + lasting
    }  # fmt: skip
    fields |= {"id": span_id, "parent_id": parent_id, "start_us": start}
    return Span(**(fields | changes))
