"""Which call of a trace a score is about."""

from typing import Any, cast

import pytest
from sqlalchemy import RowMapping

from pilothouse.lifecycle.scored import NEEDED, Trace, asked_at, call_of, source_of


def span(identifier: str, parent: str | None = None, **changes: Any) -> RowMapping:
    row: dict[str, Any] = dict.fromkeys(NEEDED) | {
        "trace_id": "t", "id": identifier, "parent_id": parent, "kind": "llm", "status": "ok", "attributes": "{}",
    }  # fmt: skip
    return cast(RowMapping, row | changes)


def trace(*spans: RowMapping) -> Trace:
    return {row["id"]: row for row in spans}


def found(spans: Trace, span_id: str | None = None) -> str:
    call = call_of(spans, span_id)
    return call if isinstance(call, str) else f"call {call['id']}"


MIRRORED = trace(
    span("live", user_id="ada"),
    span("shadow", "live", kind="evaluator", operation="shadow", attributes='{"shadow_model":"smart","shadow":true}'),
    span("other", "shadow", request_model="smart", attributes='{"shadow":true}'),
)


def test_a_span_itself_or_the_only_call_inside() -> None:
    two = trace(
        span("root", kind="agent"), span("one", "root", kind="chain"), span("a", "one"), span("b", "root"),
        span("failed", "one", status="error"), span("embedded", "one", operation="embeddings"),
    )  # fmt: skip
    assert [found(two, name) for name in ("a", "one", "b")] == ["call a", "call a", "call b"]
    assert found(two, "root") == found(two) == "they judge several calls together"
    assert found(two, "failed") == found(two, "embedded") == "no chat was answered"
    assert found(two, "gone") == found({}) == "their calls are not recorded"


def test_spans_in_a_circle_end() -> None:
    assert found(trace(span("a", "b", kind="chain"), span("b", "a", kind="chain"), span("c", "a")), "x" * 16)
    assert found(trace(span("a", "b", kind="chain"), span("b", "a", kind="chain")), "a") == "no chat was answered"


def test_shadow_traffic_is_judged_where_it_is_named() -> None:
    assert found(MIRRORED) == "call live"
    assert found(MIRRORED, "shadow") == found(MIRRORED, "other") == "call other"
    assert asked_at(MIRRORED, MIRRORED["other"]) == asked_at(MIRRORED, MIRRORED["live"]) == MIRRORED["live"]


def test_another_prompt_is_another_request() -> None:
    told = '{"shadow_model":"smart prompt 0a1b2c3d","shadow":true}'
    prompted = {**MIRRORED, "shadow": span("shadow", "live", kind="evaluator", operation="shadow", attributes=told)}
    assert found(prompted, "other") == "its prompt was another"
    assert found(prompted) == "call live"


@pytest.mark.parametrize("name", ["cache", "degraded", "stale"])
def test_answers_that_are_no_models_own(name: str) -> None:
    assert found(trace(span("a", attributes=f'{{"{name}":"exact"}}'))) == "a cache answered, or no model"


def test_the_source_is_the_session_then_the_user_then_the_trace() -> None:
    whole = trace(span("root", session_id="s", kind="agent"), span("a", "root", user_id="ada"))
    assert source_of(whole, whole["a"]) == "session_id s"
    assert source_of(MIRRORED, MIRRORED["other"]) == "user_id ada"
    assert source_of({}, span("a")) == "trace t"
