import asyncio
import time

import pytest

from pilothouse.call import Call, Span
from pilothouse.errors import RateLimited


class Recording:
    def __init__(self) -> None:
        self.spans: list[Span] = []

    def record(self, span: Span) -> None:
        self.spans.append(span)


def test_a_step_records_itself_with_its_children_inside() -> None:
    recorder = Recording()
    call = Call(recorder, degradable=False)
    with call.step("answer", "chain") as (outer, inside), inside.step("retrieve", "retriever") as (span, innermost):
        span.attributes["k"] = 3
    assert not innermost.degradable
    child, parent = recorder.spans
    assert child.parent_id == parent.id == outer.id
    assert child.trace_id == parent.trace_id == call.trace_id
    assert parent.parent_id is None
    assert child.attributes == {"k": 3}
    assert parent.start_us <= child.start_us <= child.end_us <= parent.end_us


def test_a_failing_step_is_recorded_as_such_and_the_error_goes_on() -> None:
    recorder = Recording()
    with pytest.raises(RateLimited), Call(recorder).step("chat", "llm"):
        raise RateLimited("slow down")
    assert recorder.spans[0].status == "error"
    assert recorder.spans[0].error_code == "rate_limit_exceeded"
    assert recorder.spans[0].error_message == "slow down"


def test_cancellation_is_no_error() -> None:
    recorder = Recording()
    with pytest.raises(asyncio.CancelledError), Call(recorder).step("chat", "llm"):
        raise asyncio.CancelledError
    assert recorder.spans[0].status == "cancelled"


def test_versions_made_below_are_in_the_manifest_above() -> None:
    recorder = Recording()
    call = Call(recorder)
    with call.step("rag", "chain") as (_, inside), inside.step("chat", "llm") as (_, leaf):
        leaf.versions["deployment"] = "openai/gpt-4o"
    leaf_span, root_span = recorder.spans
    assert root_span.versions == {"deployment": "openai/gpt-4o"}
    assert root_span.manifest_id == leaf_span.manifest_id
    with Call(recorder).step("bare", "chain"):
        pass
    assert recorder.spans[-1].manifest_id is None


def test_the_deadline_is_told_as_what_is_left() -> None:
    assert Call(Recording()).remaining() is None
    assert 9 < (Call(Recording(), deadline=time.monotonic() + 10).remaining() or 0) <= 10
    assert Call(Recording(), deadline=time.monotonic() - 1).remaining() == 0.0
