"""The course of a translated call, and that no request whatever breaks a translation."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse import errors
from pilothouse.call import Call
from pilothouse.config import ProviderConfig
from pilothouse.providers.anthropic_wire import to_messages
from pilothouse.providers.bedrock_wire import to_converse
from pilothouse.providers.cohere_wire import to_chat
from pilothouse.providers.completion import Completion
from pilothouse.providers.google_wire import to_contents
from pilothouse.providers.translated import AnswerReader, SseFrames, TranslatingProvider, Translation
from pilothouse.testing import answering, ask, chat_request, new_call
from pilothouse.types import ChatChunk, ChatRequest, EmbedRequest, Json, Usage


class Reader(AnswerReader):
    """Of a format with one field: `say` is a word, `end` the reason."""

    def __init__(self, completion: Completion) -> None:
        super().__init__(completion)
        self.reason: str | None = None

    def whole(self, body: Json) -> ChatChunk:
        return self.completion.whole(body["end"], None, None, text=body["say"])

    def feed(self, event: Json) -> list[ChatChunk]:
        self.reason = event.get("end")
        self.done = self.reason is not None
        return self.completion.text(event["say"] + "") if "say" in event else []

    def end(self) -> list[ChatChunk] | None:
        return None if self.reason is None else self.completion.finish(self.reason, None, None)


class Tiny(TranslatingProvider):
    default_base_url = "http://tiny.example"
    signed = 0

    def translated(self, request: ChatRequest) -> Translation:
        return Translation(f"{self.base_url}/say", {"ask": 1}, Reader(Completion("m")))

    def failure_in(self, data: Json) -> errors.ProviderError | None:
        return errors.RateLimited("Too fast.") if data.get("fail") else None

    async def headers_for(self, method: str, url: Any, body: bytes) -> dict[str, str]:
        self.signed += 1
        return {**self.headers, "x-signed": f"{method} {len(body)}"}

    async def models(self) -> list[str]:
        return []


@pytest.fixture
async def tiny(upstream):
    provider = Tiny("tiny", ProviderConfig(base_url=upstream.url))
    yield provider
    await provider.aclose()


async def test_json(tiny, upstream) -> None:
    upstream.json('{"say": "Hi", "end": "stop"}')
    assert (await ask(tiny, chat_request())).text == "Hi"
    assert tiny.signed == 1


async def test_a_stream_ends_at_its_last_event(tiny, upstream) -> None:
    upstream.sse('{"say": "Hi"}', '{"end": "stop"}', "[DONE]")
    got = await ask(tiny, chat_request(stream=True))
    assert (got.text, got.finish_reason) == ("Hi", "stop")


async def test_the_connection_is_used_again(tiny, upstream) -> None:
    upstream.sse('{"say": "Hi"}', '{"end": "stop"}')
    for _ in range(3):
        await ask(tiny, chat_request(stream=True))
    assert len(set(upstream.peers)) == 1


async def test_a_last_event_without_its_blank_line(tiny, upstream) -> None:
    upstream.body = b'data: {"say": "Hi"}\n\ndata: {"end": "stop"}'
    assert (await ask(tiny, chat_request(stream=True))).finish_reason == "stop"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'data: {"say": "Hi"}\n\n', errors.ProviderUnavailable),
        (b"", errors.ProviderProtocolError),
        (b": only a comment\n\n", errors.ProviderProtocolError),
        (b"data: nonsense\n\n", errors.ProviderProtocolError),
        (b"data: [1]\n\n", errors.ProviderProtocolError),
        (b"data: " + b"[" * 5000 + b"\n\n", errors.ProviderProtocolError),
        (b'data: {"say": "\xff"}\n\n', errors.ProviderProtocolError),
        (b'data: {"say": 5}\n\n', errors.ProviderProtocolError),
        (b'data: {"fail": 1}\n\n', errors.RateLimited),
    ],
)
async def test_streams_that_go_wrong(tiny, upstream, body: bytes, kind: type) -> None:
    upstream.body = body
    with pytest.raises(errors.ProviderError) as caught:
        await ask(tiny, chat_request(stream=True))
    assert type(caught.value) is kind
    assert caught.value.provider == "tiny"


@pytest.mark.parametrize(
    ("body", "kind"),
    [("[]", errors.ProviderProtocolError), ("{}", errors.ProviderProtocolError), ('{"fail": 1}', errors.RateLimited)],
)
async def test_json_that_goes_wrong(tiny, upstream, body: str, kind: type) -> None:
    upstream.json(body)
    with pytest.raises(errors.ProviderError) as caught:
        await ask(tiny, chat_request())
    assert type(caught.value) is kind


async def test_what_was_said_before_a_failure_arrives(tiny, upstream) -> None:
    upstream.sse('{"say": "Hi"}', '{"fail": 1}')
    async with answering(tiny, chat_request(stream=True)) as chunks:
        assert (await anext(chunks)).text == "Hi"
        with pytest.raises(errors.RateLimited):
            await anext(chunks)


async def test_no_embeddings_unless_a_vendor_has_them(tiny) -> None:
    with pytest.raises(errors.Unsupported):
        await tiny.embed(EmbedRequest({"model": "m", "input": "x"}), new_call())


async def test_a_request_nested_without_end_is_refused(tiny, monkeypatch) -> None:
    body: Json = {}
    for _ in range(5000):
        body = {"a": body}
    monkeypatch.setattr(Tiny, "translated", lambda self, request: Translation("http://x", body, Reader(None)))
    with pytest.raises(errors.InvalidRequest, match="nested too deeply"):
        await ask(tiny, chat_request())


async def test_post_json(tiny, upstream) -> None:
    upstream.json('{"a": 1}')
    call: Call = new_call(5)
    body, headers = await tiny.post_json(f"{upstream.url}/x", {}, call)
    assert (body, headers["content-type"]) == ({"a": 1}, "application/json")


async def test_a_batch_that_comes_back_short(tiny) -> None:
    async def batch(texts: list[str]) -> tuple[list[list[float]], int | None]:
        return [[1.0]], 2

    request = EmbedRequest({"model": "m", "input": ["a", "b", "c"]})
    assert (await tiny.embed_in_batches(request, 1, batch)).usage == Usage(6)
    with pytest.raises(errors.ProviderProtocolError, match="3 texts with 2 embeddings"):
        await tiny.embed_in_batches(request, 2, batch)


async def test_a_list_without_end_ends(tiny, upstream) -> None:
    upstream.json('{"name": "m"}')
    names = await tiny.named_on_pages(f"{upstream.url}/models?n=1", lambda body: ([body["name"]], "&page=2"))
    assert names == ["m"] * len(upstream.paths)
    assert upstream.paths[:2] == ["/models?n=1", "/models?n=1&page=2"]


def test_frames_at_every_cut() -> None:
    raw = 'event: x\r\ndata: {"say": "Größe"}\r\n\r\ndata: [DONE]\n\n'.encode()
    for cut in range(len(raw)):
        frames = SseFrames()
        assert frames.feed(raw[:cut]) + frames.feed(raw[cut:]) + frames.finish() == [{"say": "Größe"}]


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "text", "f", "auto", "data:x", "ephemeral"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["type", "text", "function", "name", "arguments", "url", "id", "image_url", "google", "parameters", "file_data"]
    ), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
PART = st.builds(
    lambda kind, more: {"type": kind, kind: more.get("text"), **more},
    st.sampled_from(["text", "image_url", "input_audio", "file", "refusal", "thinking", "tool_use"]),
    st.dictionaries(st.sampled_from(["text", "image_url", "file", "input_audio", "cache_control"]), JUNK, max_size=3),
)
MESSAGE = st.builds(
    lambda role, content, more: {"role": role, "content": content, **more},
    st.sampled_from(["system", "developer", "user", "assistant", "tool", "function", "critic"]),
    st.none() | st.just("Hi") | st.lists(PART | st.dictionaries(st.just("text"), JUNK), max_size=3),
    st.dictionaries(
        st.sampled_from(["tool_calls", "tool_call_id", "thinking_blocks", "extra_content", "cache_control", "is_error",
                         "reasoning_content", "tool_plan", "name"]), JUNK, max_size=3),
)  # fmt: skip
FIELDS = st.dictionaries(
    st.sampled_from(["tool_choice", "parallel_tool_calls", "response_format", "reasoning_effort", "metadata", "user",
                     "service_tier", "n", "modalities", "logprobs", "thinking", "output_config", "generationConfig",
                     "inferenceConfig", "top_k", "seed", "presence_penalty"]), JUNK, max_size=4,
)  # fmt: skip
TOOLS = st.lists(st.builds(lambda f: {"type": "function", "function": f}, JUNK) | st.just({"toolSpec": {}}), max_size=2)


@settings(max_examples=60, deadline=None)
@given(messages=st.lists(MESSAGE, min_size=1, max_size=4), fields=FIELDS, tools=TOOLS | st.just([]))
@pytest.mark.parametrize(
    "translate", [lambda request: to_messages(request, 100), to_contents, to_converse, to_chat],
    ids=["anthropic", "google", "bedrock", "cohere"],
)  # fmt: skip
def test_any_request_is_translated_or_refused(translate: Any, messages: list[Json], fields: Json, tools: Any) -> None:
    """Whatever passes the check at the door: a body, or an InvalidRequest (which Unsupported is), nothing else."""
    with suppress(errors.InvalidRequest):
        request = ChatRequest.check({"model": "gemini-claude-3", "messages": messages, "tools": tools, **fields})
        assert isinstance(translate(request), dict)
