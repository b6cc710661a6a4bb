"""What a provider reports, believed or not."""

import pytest

from pilothouse.call import Span
from pilothouse.gateway.meter import Meter
from pilothouse.testing.asking import chat_request
from pilothouse.types import ChatChunk, Usage


def _settled(usage: Usage) -> Usage:
    span = Span(id="1" * 32, trace_id="2" * 32, project_id="default", name="chat", kind="llm", start_us=1)
    meter = Meter(span, chat_request("x" * 40, stream=True))
    meter.feed(ChatChunk(b"", text="word " * 8))
    meter.feed(ChatChunk(b"", usage=usage))
    meter.settle(capture=False)
    assert span.usage is not None
    return span.usage


@pytest.mark.parametrize("usage", [Usage(-5, -1000), Usage(10, -1), Usage(10**18, 10**30), Usage(10, 10**12)])
def test_a_count_that_cannot_be_one_is_as_good_as_none(usage: Usage) -> None:
    assert _settled(usage) == Usage(14, 10, estimated=True), "neither free nor the end of a budget"


def test_a_share_that_cannot_be_one_is_left_out() -> None:
    assert _settled(Usage(10, 20, -1, 10**30, -1)) == Usage(10, 20)
