"""The guards end to end: over HTTP, with the vendors' own clients in front of servers that speak their formats."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI, BadRequestError

from pilothouse.access.shapes import KeySettings
from pilothouse.app import Platform, build
from pilothouse.call import Span
from pilothouse.ids import now_us
from pilothouse.settings import Settings
from pilothouse.testing import Answer, ToolCall
from pilothouse.testing.anthropic_server import SIGNATURE, AnthropicServer
from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.types import Json, Usage

pytestmark = pytest.mark.asyncio(loop_scope="module")

HELLO: Any = [{"role": "user", "content": "Hello"}]
ACME: Json = {"use": "words", "words": ["acme"], "kind": "name"}
POLICIES: Json = {
    "strict": {"input": [ACME], "output": [ACME], "tool": [ACME]},
    "kind": {"input": [{**ACME, "action": "rephrase"}], "rephraser": "plain"},
    "soft": {"output": [{**ACME, "action": "redact"}], "tool": [{**ACME, "action": "redact"}]},
    "safe": {"output": [{**ACME, "action": "fallback"}], "fallback": "Let us talk of something else."},
    "brief": {"output": [{"use": "length", "at_most": 3, "action": "retry"}], "retries": 2},
}


@dataclass
class Site:
    platform: Platform
    address: str
    key: str
    openai: OpenAIServer
    claude: AnthropicServer
    client: AsyncOpenAI
    anthropic: AsyncAnthropic
    since: int = 0

    def spans(self) -> list[Span]:
        """Of this test, in their order."""
        self.platform.drainer.flush()
        rows = self.platform.traces.list(limit=20).rows
        spans = [span for row in rows for span in self.platform.traces.get(row.trace_id).spans]
        return sorted((span for span in spans if span.start_us >= self.since), key=lambda span: span.start_us)

    def called(self) -> Span:
        """The span of the one call that a client made."""
        (span,) = [span for span in self.spans() if span.kind == "llm" and span.parent_id is None]
        return span

    async def post(self, path: str, body: Json, key: str = "", **headers: str) -> tuple[int, Json]:
        headers = {"authorization": f"Bearer {key or self.key}", **headers}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(self.address + path, json=body) as answer,
        ):
            return answer.status, await answer.json()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> AsyncIterator[Site]:
    folder = tmp_path_factory.mktemp("guarding")
    async with AsyncExitStack() as stack:
        openai = await stack.enter_async_context(OpenAIServer())
        claude = await stack.enter_async_context(AnthropicServer())
        calm: Json = {"resilience": {"retries": 0}}
        models: Json = {}
        for name in ("plain", *POLICIES):
            guards = {} if name == "plain" else {"guards": [name]}
            models[name] = {"deployments": [{"provider": "openai", "model": "wire-model"}], **calm, **guards}
            models[f"claude-{name}"] = {
                "deployments": [{"provider": "claude", "model": "claude-wire"}], **calm, **guards
            }  # fmt: skip
        config = folder / "pilothouse.yaml"
        config.write_bytes(msgspec.json.encode({
            "providers": {
                "openai": {"kind": "openai", "base_url": f"{openai.url}/v1", "api_key": "k",
                           "options": {"responses": True}},
                "claude": {"kind": "anthropic", "base_url": claude.url, "api_key": "k", "pass_through": True},
            },
            "models": models, "guards": {"policies": POLICIES},
        }))  # fmt: skip
        platform = stack.enter_context(build(Settings(home=folder / "home", config=config, models=models_dir)))
        key = platform.keys.in_process()
        address = await stack.enter_async_context(platform.server("127.0.0.1", 0).running())
        client = await stack.enter_async_context(AsyncOpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0))
        other = await stack.enter_async_context(AsyncAnthropic(base_url=address, api_key=key, max_retries=0))
        yield Site(platform, address, key, openai, claude, client, other)


@pytest.fixture
def site(served: Site) -> Site:
    """One platform for all: each test sees its own requests and spans alone."""
    served.platform.health._vitals.clear()
    for server in (served.openai, served.claude):
        server.requests.clear()
        server._queue.clear()
    served.since = now_us()
    return served


async def test_a_blocked_input_is_refused_and_no_model_is_asked(site: Site) -> None:
    with pytest.raises(BadRequestError) as caught:
        await site.client.chat.completions.create(model="strict", messages=[{"role": "user", "content": "Of Acme?"}])
    assert caught.value.code == "guard_blocked"
    assert not site.openai.requests
    span, guard = site.called(), next(one for one in site.spans() if one.kind == "guard")
    assert (span.error_code, span.attributes["guards"]) == ("guard_blocked", ["words:block"])
    assert (guard.attributes["verdict"], guard.attributes["guard_stage"]) == ("block", "input")


async def test_a_blocked_input_is_written_anew(site: Site) -> None:
    site.openai.say(Answer(text="What do they sell?"), Answer(text="Anvils."))
    messages: Any = [{"role": "user", "content": "acme?"}]
    said = await site.client.chat.completions.create(model="kind", messages=messages)
    assert said.choices[0].message.content == "Anvils."
    assert site.openai.last.body["messages"][-1]["content"] == "What do they sell?"
    assert site.called().attributes["guards"] == ["words:rephrase"]


async def test_a_bad_format_is_asked_for_again_with_the_exact_error(site: Site) -> None:
    site.openai.say(Answer(text="This is a very long answer."), Answer(text="Brief one."))
    said = await site.client.chat.completions.create(model="brief", messages=HELLO)
    assert said.choices[0].message.content == "Brief one."
    *_, correction = site.openai.last.body["messages"]
    assert "Write at most 3 tokens." in correction["content"]
    about = site.called().attributes
    assert (about["guard_retries"], about["guards"]) == (1, ["length:retry"])


async def test_an_unsafe_answer_is_replaced_by_the_fallback(site: Site) -> None:
    for stream in (False, True):
        site.openai.say(Answer(text="Ask Acme about it."))
        said: Any = await site.client.chat.completions.create(model="safe", messages=HELLO, stream=stream)
        if stream:
            text = "".join([chunk.choices[0].delta.content or "" async for chunk in said if chunk.choices])
            assert text == "Ask \n\nLet us talk of something else."
        else:
            assert said.choices[0].message.content == "Let us talk of something else."
    assert [one.attributes["guard_answered"] for one in site.spans() if one.kind == "llm"] == ["fallback"] * 2


async def test_messages_of_anthropic_are_redacted_in_its_own_events(site: Site) -> None:
    usage = Usage(30, 9, cached_tokens=20)
    calls = (ToolCall("toolu_1", "f", {"who": "Acme", "n": [1, "acme"]}),)
    said = Answer(text="I know Acme. It is big.", reasoning="hm, Acme", tool_calls=calls, usage=usage)
    for way in ("stream", "whole"):
        site.claude.say(said)
        if way == "stream":
            async with site.anthropic.messages.stream(model="claude-soft", max_tokens=99, messages=HELLO) as events:
                got = await events.get_final_message()
        else:
            got = await site.anthropic.messages.create(model="claude-soft", max_tokens=99, messages=HELLO)
        thinking, text, tool = got.content
        assert thinking.type == "thinking"
        assert (thinking.thinking, thinking.signature) == ("hm, Acme", SIGNATURE)  # signed: it cannot be another
        assert text.type == "text"
        assert text.text == "I know [name]. It is big."
        assert tool.type == "tool_use"
        assert tool.input == {"who": "[name]", "n": [1, "[name]"]}
        assert (got.stop_reason, got.usage.output_tokens) == ("end_turn", 9)
    for span in [one for one in site.spans() if one.kind == "llm"]:
        assert span.usage == usage
        assert span.attributes["guards_unread"] == ["thinking"]
        assert span.output is not None
        message = span.output["choices"][0]["message"]
        assert (message["content"], message["tool_calls"][0]["function"]["arguments"].count("[name]")) == (
            "I know [name]. It is big.", 2,
        )  # fmt: skip


async def test_a_message_that_is_stopped_late_ends_as_a_refusal(site: Site) -> None:
    site.claude.say(Answer(text="I know that one, " * 40 + "Acme, and more"))
    async with site.anthropic.messages.stream(model="claude-strict", max_tokens=99, messages=HELLO) as events:
        kinds = [event.type async for event in events]
        got = await events.get_final_message()
    assert got.stop_reason == "refusal"
    assert got.content[0].text == "I know that one, " * 40  # type: ignore[union-attr]
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 1
    span = site.called()
    assert span.usage is not None
    assert span.usage.estimated
    assert span.usage.output_tokens == got.usage.output_tokens >= 170
    assert span.attributes["guard_answered"] == "cut"


async def test_responses_of_openai_are_redacted_in_its_own_events(site: Site) -> None:
    calls = (ToolCall("call_1", "f", {"who": "Acme"}),)
    site.openai.say(Answer(text="I know Acme. It is big.", reasoning="hm, Acme", tool_calls=calls))
    async with site.client.responses.stream(model="soft", input="Hello") as events:
        numbers = [event.sequence_number async for event in events]
        got = await events.get_final_response()
    assert numbers == [*range(len(numbers))]
    assert got.output_text == "I know [name]. It is big."
    assert "Acme" not in got.model_dump_json()
    tool = next(item for item in got.output if item.type == "function_call")
    assert tool.arguments == '{"who":"[name]"}'
    assert (await site.client.responses.retrieve(got.id)).output_text == got.output_text


async def test_a_response_that_is_stopped_late_is_incomplete(site: Site) -> None:
    site.openai.say(Answer(text="I know that one, " * 40 + "Acme, and more"))
    stream = await site.client.responses.create(model="strict", input="Hello", stream=True)
    events = [event async for event in stream]
    last = events[-1]
    assert last.type == "response.incomplete"
    details = last.response.incomplete_details
    assert details is not None
    assert details.reason == "content_filter"
    assert last.response.output_text == "I know that one, " * 40
    assert last.response.usage is not None
    assert last.response.usage.output_tokens >= 170


async def test_a_response_in_the_background_is_refused_at_once(site: Site) -> None:
    with pytest.raises(BadRequestError) as caught:
        await site.client.responses.create(model="strict", input="Of Acme?", background=True)
    assert caught.value.code == "guard_blocked"
    (span,) = [one for one in site.spans() if one.kind != "guard"]
    assert (span.kind, span.error_code) == ("chain", "guard_blocked")


async def test_each_choice_is_looked_at_by_itself(site: Site) -> None:
    site.openai.say(Answer(text="Ask Acme. ", choices=2))
    stream = await site.client.chat.completions.create(
        model="soft", messages=HELLO, n=2, stream=True, stream_options={"include_usage": True}
    )
    said, usage = {0: "", 1: ""}, None
    async for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            said[choice.index] += choice.delta.content or ""
    assert said == {0: "Ask [name]. ", 1: "Ask [name]. "}
    assert usage is not None
    site.openai.say(Answer(text="Ask Acme. ", choices=2))
    stream = await site.client.chat.completions.create(
        model="strict", messages=HELLO, n=2, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    ends = [(one.index, one.finish_reason) for chunk in chunks for one in chunk.choices if one.finish_reason]
    assert ends == [(0, "content_filter"), (1, "content_filter")]
    assert chunks[-1].usage is not None


async def test_a_stream_that_breaks_off_tells_what_guards_found_until_then(site: Site) -> None:
    site.openai.say(Answer(text="Ask Acme about it, " * 20, fault="error_event"))
    stream = await site.client.chat.completions.create(model="soft", messages=HELLO, stream=True)
    with pytest.raises(Exception, match="error"):  # noqa: PT012 - the stream is what raises
        async for chunk in stream:
            assert "Acme" not in chunk.model_dump_json()
    span = site.called()
    assert span.status == "error"
    assert span.attributes["guards"] == ["words:redact"]


async def test_tokens_are_not_counted_of_what_may_not_leave(site: Site) -> None:
    status, told = await site.post(
        "/v1/messages/count_tokens",
        {"model": "claude-strict", "messages": [{"role": "user", "content": "Of Acme?"}]},
    )
    assert (status, told["error"]["type"]) == (400, "invalid_request_error")
    assert not site.claude.requests


async def test_nothing_is_passed_through_past_a_policy_of_the_key(site: Site) -> None:
    secret, _ = site.platform.keys.create(
        "guarded", settings=KeySettings.model_validate({"policy": {"guards": ["strict"]}})
    )
    body = {"model": "claude-wire", "max_tokens": 9, "messages": HELLO}
    status, told = await site.post("/providers/claude/v1/messages", body, secret)
    assert status == 403
    assert "guards.pass_through" in told["error"]["message"]
    assert not site.claude.requests
