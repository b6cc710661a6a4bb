"""Models asked over a gateway in this process, and which platform is meant."""

from collections.abc import AsyncGenerator
from typing import Any

import msgspec
import pytest

from pilothouse.agents.loop import Agent
from pilothouse.agents.scripted import calls, says
from pilothouse.agents.steps import OnCall, OverHttp, at_server, ground_of
from pilothouse.agents.tools import tool
from pilothouse.call import Call
from pilothouse.client import AsyncClient, Client
from pilothouse.errors import ConfigError, ProviderProtocolError
from pilothouse.types import ChatChunk, ChatRequest, Json


class Spans:
    def __init__(self) -> None:
        self.spans: list[Any] = []

    def record(self, record: Any) -> None:
        self.spans.append(record)


class Gateway:
    """Answers in order, each for a millionth of a dollar, with a span as the gateway records one."""

    def __init__(self, *answers: Json) -> None:
        self.answers, self.calls = iter(answers), list[Call]()

    async def __call__(self, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        self.calls.append(call)
        with call.step("chat m", "llm") as (span, _):
            span.cost_nano = 1000
            yield ChatChunk(msgspec.json.encode(next(self.answers)))


@tool(severity="read", trusted=True)
def add(a: int) -> int:
    """Adds one."""
    return a + 1


async def test_the_gateway_is_asked_in_the_callers_own_name() -> None:
    spans = Spans()
    gateway = Gateway({"choices": [{"message": calls(("add", {"a": 1}))}]}, {"choices": [{"message": says("2")}]})
    call = Call(spans, user_id="ada", key_id="k1")
    outcome = await Agent(model="m", tools=[add], platform=OnCall(gateway, call), name="sums").run("1 + 1?")
    assert (outcome.text, outcome.cost_usd, outcome.trace_id) == ("2", 2e-6, call.trace_id)
    assert [one.depth for one in gateway.calls] == [0, 0], "limits and guards hold for what an agent asks"
    assert [(one.name, one.kind) for one in spans.spans] == [
        ("chat m", "llm"), ("tool add", "tool"), ("chat m", "llm"), ("agent sums", "agent"),
    ]  # fmt: skip
    root = spans.spans[-1]
    assert {one.parent_id for one in spans.spans[:-1]} == {root.id}
    assert {one.user_id for one in spans.spans} == {"ada"}


@pytest.mark.parametrize("answer", [{}, {"choices": []}, {"choices": [{"message": "hi"}]}, {"choices": [{}]}])
async def test_an_answer_without_a_message_is_told(answer: Json) -> None:
    with pytest.raises(ProviderProtocolError, match="no message"):
        await Agent(model="m", platform=OnCall(Gateway(answer), Call(Spans()))).run("Hi")


async def test_a_platform_is_a_client_or_what_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    client = AsyncClient("http://127.0.0.1:1", "k")
    async with ground_of(client) as ground:
        assert ground == OverHttp(client)
    with Client("http://127.0.0.1:1", "k") as face:
        assert at_server(face) == ("http://127.0.0.1:1", "k")
        async with ground_of(face) as ground:
            assert isinstance(ground, OverHttp)
            assert ground.client.base_url == "http://127.0.0.1:1"
    monkeypatch.delenv("PILOTHOUSE_URL", raising=False)
    with pytest.raises(ConfigError, match="PILOTHOUSE_URL"):
        at_server(None)
    monkeypatch.setenv("PILOTHOUSE_URL", "http://127.0.0.1:2")
    assert at_server(None)[0] == "http://127.0.0.1:2"
