"""The official `openai` client against the gateway over real HTTP, with an upstream that speaks OpenAI's format."""

import asyncio
import base64
import io
import json
import struct
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import anthropic
import openai
import pytest
from anthropic import AsyncAnthropic
from pydantic import BaseModel

from pilothouse.call import Span
from pilothouse.testing import Answer, ToolCall

from .conftest import Served

HELLO = [{"role": "user", "content": "Hello"}]
LOOK_UP = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}


def spans(served: Served) -> list[Span]:
    served.platform.drainer.flush()
    rows = served.platform.traces.list(limit=100).rows
    return [span for row in rows for span in served.platform.traces.get(row.trace_id).spans]


async def test_chat(served: Served) -> None:
    served.upstream.say(Answer(text="Good day"))
    raw = await served.client.chat.completions.with_raw_response.create(model="chat", messages=HELLO, seed=3)
    answer = raw.parse()
    assert answer.choices[0].message.content == "Good day"
    assert served.upstream.last.body["seed"] == 3
    assert served.upstream.last.body["model"] == "wire-model"
    assert raw.headers["x-pilothouse-deployment"] == "wire/wire-model"
    (span,) = spans(served)
    assert span.request_id == raw.headers["x-request-id"]
    assert span.trace_id == raw.headers["x-pilothouse-trace-id"]
    assert answer.usage is not None
    assert span.usage is not None
    assert span.usage.input_tokens == answer.usage.prompt_tokens
    assert not span.cost_known


async def test_chat_streams_and_strips_the_usage_chunk_nobody_asked_for(served: Served) -> None:
    served.upstream.say(Answer(text="one two three"), Answer(text="one two three"))
    plain = [c async for c in await served.client.chat.completions.create(model="chat", messages=HELLO, stream=True)]
    asked = [
        c
        async for c in await served.client.chat.completions.create(
            model="chat", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    ]
    assert "".join(c.choices[0].delta.content or "" for c in plain) == "one two three"
    assert all(c.choices for c in plain)
    assert asked[-1].usage is not None
    assert not asked[-1].choices
    assert [s.usage and s.usage.estimated for s in spans(served)] == [False, False]


async def test_a_name_that_no_header_can_hold(served: Served) -> None:
    raw = await served.client.chat.completions.with_raw_response.create(model="wire/ä", messages=HELLO)
    assert raw.headers["x-pilothouse-deployment"] == "wire/?"


async def test_more_tokens_than_a_number_can_hold(served: Served) -> None:
    for fields in ({"max_tokens": 10**30}, {"n": 10**30}):
        answer = await served.client.chat.completions.create(model="chat", messages=HELLO, **fields)
        assert answer.choices[0].message.content


async def test_tools_and_structured_output(served: Served) -> None:
    served.upstream.say(Answer(tool_calls=[ToolCall("call_1", "look_up", {"q": "fox"})], finish_reason="tool_calls"))
    answer = await served.client.chat.completions.create(model="chat", messages=HELLO, tools=[LOOK_UP])
    (tool_call,) = answer.choices[0].message.tool_calls or ()
    assert json.loads(tool_call.function.arguments) == {"q": "fox"}
    assert answer.choices[0].finish_reason == "tool_calls"

    class Animal(BaseModel):
        name: str
        legs: int

    served.upstream.say(Answer(text='{"name": "fox", "legs": 4}'))
    parsed = await served.client.chat.completions.parse(model="chat", messages=HELLO, response_format=Animal)
    assert parsed.choices[0].message.parsed == Animal(name="fox", legs=4)
    assert served.upstream.last.body["response_format"]["json_schema"]["name"] == "Animal"


async def test_text_completions(served: Served) -> None:
    served.upstream.say(Answer(text="done"))
    answer = await served.client.completions.create(model="chat", prompt="Say done")
    assert answer.choices[0].text == "done"
    echoed = await served.client.completions.create(model="builtin/echo", prompt="over the bridge")
    assert echoed.choices[0].text.strip() == "over the bridge"
    assert echoed.object == "text_completion"
    parts = [p async for p in await served.client.completions.create(model="builtin/echo", prompt="a b", stream=True)]
    assert "".join(p.choices[0].text for p in parts if p.choices).strip() == "a b"


async def test_embeddings_by_the_embedded_encoder(served: Served) -> None:
    answer = await served.client.embeddings.create(model="builtin/minilm", input=["a cat", "a kitten", "tax law"])
    cat, kitten, law = (row.embedding for row in answer.data)
    assert len(cat) == 384

    def dot(a: list[float], b: list[float]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True))

    assert dot(cat, kitten) > dot(cat, law) + 0.2
    assert answer.usage.prompt_tokens > 0
    floats = await served.client.embeddings.create(model="builtin/minilm", input="a cat", encoding_format="float")
    assert floats.data[0].embedding == pytest.approx(cat, abs=1e-6)
    async with aiohttp.ClientSession(headers={"authorization": f"Bearer {served.key}"}) as session:
        body = {"model": "builtin/minilm", "input": "a cat", "encoding_format": "base64"}
        async with session.post(f"{served.address}/v1/embeddings", json=body) as response:
            packed = base64.b64decode((await response.json())["data"][0]["embedding"])
    assert list(struct.unpack("<384f", packed)) == pytest.approx(cat, abs=1e-6)


async def test_embeddings_of_a_provider(served: Served) -> None:
    raw = await served.client.embeddings.with_raw_response.create(model="chat", input="text")
    assert len(raw.parse().data) == 1
    assert raw.headers["x-pilothouse-deployment"] == "wire/wire-model"
    span = spans(served)[0]
    assert (span.kind, span.deployment) == ("embedding", "wire/wire-model")


async def test_models_are_listed(served: Served) -> None:
    names = [model.id async for model in served.client.models.list()]
    assert {"chat", "away", "safe", "builtin/echo", "builtin/extractive", "builtin/minilm"} <= set(names)
    assert (await served.client.models.retrieve("builtin/echo")).owned_by == "builtin"
    with pytest.raises(openai.NotFoundError, match="No model 'nope' is listed"):
        await served.client.models.retrieve("nope")


async def test_fallback_when_a_provider_cannot_be_reached(served: Served) -> None:
    raw = await served.client.chat.completions.with_raw_response.create(model="safe", messages=HELLO)
    assert raw.headers["x-pilothouse-deployment"] == "wire/wire-model"
    with pytest.raises(openai.InternalServerError) as caught:
        await served.client.chat.completions.create(model="away", messages=HELLO)
    assert caught.value.status_code == 503
    assert caught.value.code == "provider_unavailable"


async def test_upstream_errors_come_through_as_what_they_are(served: Served) -> None:
    served.upstream.say(Answer(fault="rate_limit", retry_after=7), Answer(fault="context_length"), Answer(fault="auth"))
    with pytest.raises(openai.RateLimitError) as limited:
        await served.client.chat.completions.create(model="chat", messages=HELLO)
    assert limited.value.response.headers["retry-after"] == "7"
    assert "x-should-retry" not in limited.value.response.headers
    with pytest.raises(openai.BadRequestError) as too_long:
        await served.client.chat.completions.create(model="chat", messages=HELLO)
    assert too_long.value.code == "context_length_exceeded"
    with pytest.raises(openai.APIStatusError) as refused:
        await served.client.chat.completions.create(model="chat", messages=HELLO)
    assert refused.value.status_code == 502
    assert refused.value.response.headers["x-should-retry"] == "false"
    assert [s.error_code for s in spans(served)] == ["provider_auth", "context_length_exceeded", "rate_limit_exceeded"]


async def test_the_official_client_does_not_wait_for_an_hour(served: Served) -> None:
    """Anthropic's would, twice; OpenAI's gives up by itself past two minutes."""
    served.upstream.say(Answer(fault="rate_limit", retry_after=3600), Answer(text="too soon"))
    asked: Any = {"model": "chat", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}
    async with AsyncAnthropic(base_url=served.address, api_key=served.key, max_retries=2) as client:
        asking = asyncio.create_task(client.messages.create(**asked))
        await asyncio.wait([asking], timeout=30)
        assert asking.done()
    assert isinstance(asking.exception(), anthropic.RateLimitError)
    assert len(served.upstream.requests) == 1


async def test_an_error_in_mid_stream_ends_the_stream_with_an_error(served: Served) -> None:
    served.upstream.say(Answer(text="some words then trouble", fault="error_event"))
    stream = await served.client.chat.completions.create(model="chat", messages=HELLO, stream=True)
    with pytest.raises(openai.APIError):
        async for _ in stream:
            pass
    (span,) = spans(served)
    assert span.status == "error"
    assert span.usage is not None
    assert span.usage.estimated


async def test_a_client_that_leaves_cancels_the_upstream_and_pays_for_what_came(served: Served) -> None:
    served.upstream.say(Answer(text="one two three four", fault="hang_midway"))
    stream = await served.client.chat.completions.create(model="chat", messages=HELLO, stream=True)
    async for _ in stream:
        break
    await stream.close()
    await asyncio.wait_for(asyncio.wrap_future(served.upstream.last.gone), 30)
    span = await recorded(served)
    assert span.status == "cancelled"
    assert span.usage is not None
    assert span.usage.estimated
    assert span.usage.output_tokens >= 1


async def recorded(served: Served) -> Span:
    """The one span, once it is there."""
    async with asyncio.timeout(30):
        while not (found := await asyncio.to_thread(spans, served)):  # noqa: ASYNC110 - another process' work
            await asyncio.sleep(0.01)
    return found[0]


async def test_a_traceparent_puts_the_call_into_the_callers_trace(served: Served) -> None:
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    headers = {"traceparent": f"00-{trace}-{parent}-01", "x-session-id": "s1"}
    await served.client.chat.completions.create(model="chat", messages=HELLO, extra_headers=headers)
    span = await recorded(served)
    assert (span.trace_id, span.attributes["remote_parent_id"], span.session_id) == (trace, parent, "s1")


BAD = [
    (b"{", 400, "invalid_request_error", "not valid JSON"),
    (b'{"model": "chat", "messages": 1}', 400, "invalid_request_error", "messages"),
    (
        b'{"model": "chta", "messages": [{"role": "user", "content": "x"}]}',
        404,
        "model_not_found",
        "Did you mean 'chat'",
    ),
    (
        b'{"model": "rag:nope", "messages": [{"role": "user", "content": "x"}]}',
        404,
        "model_not_found",
        "no corpus 'nope'",
    ),
]


@pytest.fixture
async def http(served: Served) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"authorization": f"Bearer {served.key}"}
    async with aiohttp.ClientSession(served.address, headers=headers) as session:
        yield session


async def test_bad_input_gets_a_clear_error_and_the_process_keeps_serving(
    served: Served, http: aiohttp.ClientSession
) -> None:
    for body, status, code, words in BAD:
        async with http.post("/v1/chat/completions", data=body) as response:
            error = (await response.json())["error"]
        assert (response.status, error["code"]) == (status, code)
        assert words in error["message"]
        assert error["request_id"] == response.headers["x-request-id"]
    for method, path, status, allowed in (("GET", "/v1/completions", 405, "POST"), ("POST", "/v1/nothing", 404, None)):
        async with http.request(method, path, data=b"{}") as response:
            assert (response.status, response.headers.get("allow")) == (status, allowed)
    async with http.post("/v1/messages", data=b"\x1f\x8b", headers={"content-encoding": "gzip"}) as response:
        error = (await response.json())["error"]
        assert (response.status, "'gzip'" in error["message"]) == (415, True)
    async with http.get("/v1/models", headers={"authorization": "Bearer wrong"}) as response:
        assert response.status == 401
        assert (await response.json())["error"]["code"] == "invalid_api_key"
    await served.client.chat.completions.create(model="chat", messages=HELLO)


async def test_a_body_of_100_mb_is_refused_whether_or_not_its_length_is_told(
    served: Served, http: aiohttp.ClientSession
) -> None:
    async def untold() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 1_000_000

    for body in (io.BytesIO(b"x" * 100_000_000), untold()):
        async with http.post("/v1/chat/completions", data=body) as response:
            assert response.status == 413
            assert (await response.json())["error"]["code"] == "request_too_large"
    await served.client.chat.completions.create(model="chat", messages=HELLO)


async def test_the_reference_of_the_api_needs_nothing_from_elsewhere(
    served: Served, http: aiohttp.ClientSession
) -> None:
    async with http.get("/api/docs") as response:
        page = await response.text()
    assert response.status == 200
    assert response.headers["content-security-policy"] == "default-src 'none'; style-src 'self'"
    assert "POST /api/rag/corpora/{corpus}/search" in page
    assert "<code>query</code><td>body<td>string<td>yes" in page
    assert "http" not in page.replace("https://", "http://")
    assert "<script" not in page


async def test_a_full_spool_is_not_ready(
    served: Served, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served.platform.spool, "_max_bytes", 1000)
    async with http.get("/readyz") as response:
        assert response.status == 503
        assert "spool is full" in await response.text()


async def test_probes_and_metrics(served: Served, http: aiohttp.ClientSession) -> None:
    await served.client.chat.completions.create(model="chat", messages=HELLO)
    for path, word in (("/healthz", "ok"), ("/readyz", "ready"), ("/metrics", "gen_ai_client_operation_duration")):
        async with http.get(path) as response:
            assert response.status == 200
            assert word in await response.text()


async def test_a_call_ends_at_its_time_limit_also_while_it_streams(
    served: Served, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = replace(served.platform.settings, request_timeout=0.05)
    monkeypatch.setattr(served.platform.endpoints, "_settings", slow)
    monkeypatch.setattr(served.platform.providers["wire"], "deadline", lambda given: None)
    served.upstream.say(Answer(fault="hang"), Answer(text="one two three", fault="hang_midway"))
    body = {"model": "chat", "messages": HELLO}
    async with http.post("/v1/chat/completions", json=body) as response:
        assert response.status == 504
        assert (await response.json())["error"]["code"] == "provider_timeout"
    monkeypatch.setattr(served.platform.endpoints, "_settings", replace(slow, request_timeout=1.0))
    async with http.post("/v1/chat/completions", json={**body, "stream": True}) as response:
        events = [line for line in (await response.text()).splitlines() if line]
    assert response.status == 200
    assert json.loads(events[-1].removeprefix("data: "))["error"]["code"] == "provider_timeout"
    assert [(s.status, s.error_code) for s in spans(served)] == [("error", "provider_timeout")] * 2


async def test_the_headers_say_where_an_answer_comes_from_and_what_it_cost(
    served: Served, http: aiohttp.ClientSession
) -> None:
    config = served.platform.snapshot.config.model_dump(mode="json")
    config["models"]["chat"]["exact_cache"] = {"ttl": 60}
    config["prices"] = [{"provider": "wire", "model": "wire-model", "input": 1, "output": 2}]
    served.platform.live.put(type(served.platform.snapshot.config).model_validate(config), author="t", source="api")
    body = {"model": "chat", "messages": HELLO}
    async with http.post("/v1/chat/completions", json=body) as first:
        usage = (await first.json())["usage"]
    assert first.headers["x-pilothouse-routing"] == "single"
    cost = (usage["prompt_tokens"] + 2 * usage["completion_tokens"]) / 1e6
    assert float(first.headers["x-pilothouse-cost-usd"]) == pytest.approx(cost)
    async with http.post("/v1/chat/completions", json=body) as second:
        assert second.headers["x-pilothouse-cache"] == "exact"
        assert float(second.headers["x-pilothouse-cost-usd"]) == 0
    async with http.post("/v1/chat/completions", json={**body, "stream": True}) as third:
        assert third.headers["x-pilothouse-cache"] == "exact"
        assert float(third.headers["x-pilothouse-cost-usd"]) == 0
        assert (await third.text()).endswith("data: [DONE]\n\n")
    assert len(served.upstream.requests) == 1
    assert [span.cost_nano for span in spans(served)] == [0, 0, round(cost * 1e9)]
