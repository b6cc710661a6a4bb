"""What the contract does not cover: the many dialects of OpenAI's format, and servers that misbehave."""

import datetime
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from pilothouse import errors
from pilothouse.config import ProviderConfig
from pilothouse.providers import base
from pilothouse.providers.openai import OpenAIProvider
from pilothouse.testing import Answer, Outcome, ask, chat_request, new_call
from pilothouse.testing.openai_server import OpenAIServer, vector
from pilothouse.types import ChatRequest, EmbedRequest, Usage

HEAD = '"id":"c","object":"chat.completion.chunk","created":1,"model":"m"'
WORD = f'{{{HEAD},"choices":[{{"index":0,"delta":{{"content":"Hi"}},"finish_reason":null}}]}}'
STOP = f'{{{HEAD},"choices":[{{"index":0,"delta":{{}},"finish_reason":"stop"}}]}}'


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


@pytest.fixture
async def provider(server: OpenAIServer) -> AsyncIterator[OpenAIProvider]:
    provider = OpenAIProvider("openai", ProviderConfig(base_url=f"{server.url}/v1/", api_key="secret"))
    yield provider
    await provider.aclose()


@pytest.fixture
async def odd(upstream) -> AsyncIterator[OpenAIProvider]:
    """A provider whose upstream answers exactly what a test says."""
    provider = OpenAIProvider("odd", ProviderConfig(base_url=upstream.url))
    yield provider
    await provider.aclose()


# ---- requests


async def test_streams_ask_for_usage_and_keep_the_callers_other_options(server, provider):
    await ask(provider, chat_request(stream=True, stream_options={"include_obfuscation": False}))
    assert server.last.body["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    assert server.last.headers["authorization"] == "Bearer secret"


async def test_json_requests_are_sent_as_they_came(server, provider):
    request = chat_request(reasoning_effort="low", metadata={"a": [1.5, None, "é"]}, max_tokens=10**15)
    await ask(provider, request)
    assert server.last.body == request.body


async def test_servers_that_refuse_stream_options_are_not_sent_any(server):
    config = ProviderConfig(base_url=f"{server.url}/v1", api_key="k", options={"stream_usage": False})
    async with aclosing(OpenAIProvider("old", config)) as provider:
        got = await ask(provider, chat_request(stream=True))
    assert "stream_options" not in server.last.body
    assert (got.text, got.usage) == (Answer().text, None)


async def test_azure_paths(server):
    options = {"api_version": datetime.date(2024, 10, 21)}  # what YAML makes of an unquoted 2024-10-21
    config = ProviderConfig(base_url=server.url, api_key="secret", options=options)
    async with aclosing(OpenAIProvider("azure", config)) as provider:
        await ask(provider, chat_request(model="my gpt%4o?"))
        assert server.last.path == "/openai/deployments/my gpt%4o?/chat/completions"
        assert server.last.query == {"api-version": "2024-10-21"}
        assert server.last.headers["api-key"] == "secret"
        assert "authorization" not in server.last.headers
        assert await provider.models() == ["wire-large", "wire-small"]


async def test_own_headers_and_secrets_from_the_environment(server, monkeypatch):
    monkeypatch.setenv("THE_KEY", "from-env")
    config = ProviderConfig(base_url=f"{server.url}/v1", api_key="${THE_KEY}", headers={"x-title": "of ${THE_KEY}"})
    async with aclosing(OpenAIProvider("pool", config)) as provider:
        await ask(provider, chat_request())
    assert server.last.headers["authorization"] == "Bearer from-env"
    assert server.last.headers["x-title"] == "of from-env"


def test_configuration_errors_name_the_place(monkeypatch):
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with pytest.raises(errors.ConfigError, match=r"providers\.p\.options\.stream_usge: .* 'stream_usage'\?"):
        OpenAIProvider("p", ProviderConfig(options={"stream_usge": False}))
    for address in ("localhost:8000", "http://", "http://host:99999/v1", "http://[::1/v1"):
        with pytest.raises(errors.ConfigError, match=r"providers\.p\.base_url: '.*' is no address"):
            OpenAIProvider("p", ProviderConfig(base_url=address))
    with pytest.raises(errors.ConfigError, match=r"providers\.p\.api_key: .*NO_SUCH_KEY"):
        OpenAIProvider("p", ProviderConfig(api_key="${NO_SUCH_KEY}"))
    monkeypatch.setenv("THE_KEY", "secret\n")
    with pytest.raises(errors.ConfigError, match=r"providers\.p\.api_key: holds a line break") as caught:
        OpenAIProvider("p", ProviderConfig(api_key="${THE_KEY}"))
    assert "secret" not in caught.value.message
    with pytest.raises(errors.ConfigError, match=r"providers\.p\.base_url: '\$\{THE_KEY\}' is no address"):
        OpenAIProvider("p", ProviderConfig(base_url="${THE_KEY}"))
    with pytest.raises(errors.ConfigError, match=r"providers\.p\.headers\.x-a: holds a line break"):
        OpenAIProvider("p", ProviderConfig(headers={"x-a": "b\r\nhost: c"}))


# ---- answers


async def test_bytes_are_forwarded_as_they_came(upstream, odd):
    spaced = WORD.replace(":", " : ").replace('"Hi"', '"H\\u0069", "new_field": [ 1.0 ]')
    upstream.sse(spaced, STOP, "[DONE]")
    got = await ask(odd, chat_request(stream=True))
    assert [chunk.raw for chunk in got.chunks] == [spaced.encode(), STOP.encode()]
    assert got.text == "Hi"


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ('"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}', Usage(5, 2)),
        ('"usage":{"prompt_tokens":0,"completion_tokens":0}', Usage()),
        ('"usage":{"prompt_tokens":5,"completion_tokens":2,"prompt_tokens_details":null}', Usage(5, 2)),
        ('"usage":{"prompt_tokens":9,"completion_tokens":2,"prompt_cache_hit_tokens":4}', Usage(9, 2, 4)),
        (
            '"usage":{"prompt_tokens":9,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":3}}',
            Usage(9, 2, 3),
        ),
        ('"x_groq":{"id":"r","usage":{"prompt_tokens":5,"completion_tokens":2,"queue_time":0.1}}', Usage(5, 2)),
        ('"x_groq":{"id":"r"}', None),
        ('"usage":null', None),
        ('"usage":{}', None),
    ],
)
async def test_usage_variants(upstream, odd, usage, expected):
    upstream.sse(WORD, f"{STOP[:-1]},{usage}}}", "[DONE]")
    got = await ask(odd, chat_request(stream=True))
    assert got.usage == expected
    assert not any(chunk.usage_only for chunk in got.chunks)


async def test_the_last_of_several_usages_counts(upstream, odd):
    running = [f'{WORD[:-1]},"usage":{{"prompt_tokens":5,"completion_tokens":{n}}}}}' for n in (1, 2, 3)]
    upstream.sse(*running, STOP, "[DONE]")
    assert (await ask(odd, chat_request(stream=True))).usage == Usage(5, 3)


async def test_a_chunk_without_choices_is_usage_only_if_it_has_usage(upstream, odd):
    filters = f'{{{HEAD},"choices":[],"prompt_filter_results":[]}}'
    usage = f'{{{HEAD},"choices":[],"usage":{{"prompt_tokens":5,"completion_tokens":2}}}}'
    upstream.sse(filters, WORD, STOP, usage, "[DONE]")
    got = await ask(odd, chat_request(stream=True))
    assert [chunk.usage_only for chunk in got.chunks] == [False, False, False, True]


async def test_reasoning_under_its_other_names(upstream, odd):
    parts = [{"reasoning": "a"}, {"reasoning_content": "b"}]
    listed = '[{"type":"thinking","thinking":[{"type":"text","text":"c"}]},{"type":"text","text":"Yes"}]'
    deltas = [f'{{{HEAD},"choices":[{{"delta":{str(part).replace(chr(39), chr(34))}}}]}}' for part in parts]
    upstream.sse(*(delta.replace('"delta"', '"index":0,"delta"') for delta in deltas), STOP, "[DONE]")
    assert (await ask(odd, chat_request(stream=True))).reasoning == "ab"
    upstream.sse(f'{{{HEAD},"choices":[{{"index":0,"delta":{{"content":{listed}}},"finish_reason":"stop"}}]}}')
    chunks = [chunk async for chunk in odd.chat(chat_request(stream=True), new_call())]
    assert (chunks[0].text, chunks[0].reasoning) == ("Yes", "c")


@pytest.mark.parametrize("stream", [False, True])
async def test_text_completion(server, provider, stream):
    server.say(Answer(text="and so on", split="bytes"))
    body = {"model": "m", "prompt": "Once", "max_tokens": 5, "stream": stream}
    request = ChatRequest.check(body, "text_completion")
    chunks = [chunk async for chunk in provider.chat(request, new_call())]
    assert server.last.path == "/v1/completions"
    assert "".join(chunk.text for chunk in chunks) == "and so on"
    assert chunks[0].data["object"] == "text_completion"
    assert [chunk.usage for chunk in chunks][-1] == Usage(11, 7)
    assert "stop" in [chunk.finish_reason for chunk in chunks]


# ---- embeddings and models


async def test_what_lm_eval_asks_for_log_likelihoods_goes_on_as_it_is(server, provider):
    """Tokens for a prompt, repeated in the answer with their log-probabilities."""
    body = {"model": "m", "prompt": [[1, 2, 3]], "echo": True, "logprobs": 1, "max_tokens": 1, "seed": 1234}
    async for _ in provider.chat(ChatRequest.check(body, "text_completion"), new_call()):
        pass
    assert server.last.body == body


async def test_embeddings_are_forwarded(server, provider):
    answer = await provider.embed(EmbedRequest.check({"model": "e", "input": ["a", "b"], "dimensions": 8}), new_call())
    assert b"%r" % vector("a")[0] in answer.raw
    assert answer.usage == Usage(input_tokens=11)
    assert server.last.body == {"model": "e", "input": ["a", "b"], "dimensions": 8}
    server.say(Answer(usage=None))
    assert (await provider.embed(EmbedRequest.check({"model": "e", "input": "a"}), new_call())).usage is None


async def test_embeddings_outside_the_format(upstream, odd):
    upstream.json('{"object":"list"}')
    with pytest.raises(errors.ProviderProtocolError, match="odd"):
        await odd.embed(EmbedRequest.check({"model": "e", "input": "a"}), new_call())


async def test_models(server, provider, upstream, odd):
    assert await provider.models() == ["wire-large", "wire-small"]
    upstream.json('[{"id":"a"},{"id":"b"},{"name":"c"}]')
    assert await odd.models() == ["a", "b"]
    upstream.json("<html>")
    with pytest.raises(errors.ProviderProtocolError, match="not JSON"):
        await odd.models()


# ---- misbehaviour


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ('{"error":{"message":"slow down","code":429}}', errors.RateLimited),
        ('{"error":{"message":"slow down","type":"rate_limit_exceeded"}}', errors.RateLimited),
        ('{"error":{"message":"too long","code":"context_length_exceeded"}}', errors.ContextTooLong),
        ('{"error":"Request failed during generation","error_type":"generation"}', errors.ProviderUnavailable),
        ('{"object":"error","message":"cuda","type":"InternalServerError","code":500}', errors.ProviderUnavailable),
        ('{"hello":"world"}', errors.ProviderProtocolError),
        ('{"choices":[{"delta":{"content":7}}]}', errors.ProviderProtocolError),
        ('{"choices":[{"delta"', errors.ProviderProtocolError),
        ("[]", errors.ProviderProtocolError),
    ],
)
async def test_an_error_in_the_middle_of_a_stream(upstream, odd, event, kind):
    upstream.sse(WORD, event, "[DONE]")
    outcome = Outcome()
    with pytest.raises(errors.ProviderError) as caught:
        await ask(odd, chat_request(stream=True), outcome=outcome)
    assert type(caught.value) is kind
    assert outcome.text == "Hi"
    assert caught.value.provider == "odd"


@pytest.mark.parametrize("junk", [b'{"choices":[{"text":"\xff"}]}', b'{"error":' + b"[" * 5000], ids=["bytes", "depth"])
async def test_junk_is_the_providers_failure_whatever_it_is(upstream, odd, junk):
    upstream.body = b"data: " + junk + b"\n\n"
    with pytest.raises(errors.ProviderProtocolError):
        await ask(odd, chat_request(stream=True))
    upstream.body, upstream.content_type = junk, "application/json"
    with pytest.raises(errors.ProviderProtocolError):
        await ask(odd, chat_request())
    with pytest.raises(errors.ProviderProtocolError):
        await odd.embed(EmbedRequest.check({"model": "e", "input": "a"}), new_call())
    with pytest.raises(errors.ProviderProtocolError):
        await odd.models()
    upstream.status = 500
    with pytest.raises(errors.ProviderUnavailable):
        await ask(odd, chat_request())


async def test_json_answered_to_a_stream_request(upstream, odd):
    upstream.json('{"error":{"message":"no such model","type":"invalid_request_error"}}')
    with pytest.raises(errors.ProviderRejected, match="no such model"):
        await ask(odd, chat_request(stream=True))
    upstream.json('{"id":"c","choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]}')
    with pytest.raises(errors.ProviderProtocolError, match="without streaming"):
        await ask(odd, chat_request(stream=True))


async def test_streams_without_done(upstream, odd):
    upstream.sse(WORD, STOP)
    assert (await ask(odd, chat_request(stream=True))).finish_reason == "stop"
    upstream.body = f"data: {WORD}\n\ndata: {STOP}".encode()  # not even a last blank line
    assert (await ask(odd, chat_request(stream=True))).finish_reason == "stop"
    upstream.body = f"data: {WORD}\n\ndata: [DONE]".encode()
    assert (await ask(odd, chat_request(stream=True))).text == "Hi"
    upstream.sse(WORD)
    with pytest.raises(errors.ProviderUnavailable, match="broke off"):
        await ask(odd, chat_request(stream=True))
    upstream.body = f"data: {WORD}\n\ndata: {WORD[:20]}".encode()
    with pytest.raises(errors.ProviderUnavailable, match="broke off"):
        await ask(odd, chat_request(stream=True))
    upstream.body = b""
    with pytest.raises(errors.ProviderProtocolError, match="no events"):
        await ask(odd, chat_request(stream=True))


async def test_an_event_beyond_all_bounds_names_the_provider(upstream, odd):
    upstream.body = b"data: " + b"x" * (17 * 1024 * 1024)
    with pytest.raises(errors.ProviderProtocolError) as caught:
        await ask(odd, chat_request(stream=True))
    assert caught.value.provider == "odd"


async def test_an_answer_beyond_all_bounds_is_let_go(upstream, odd, monkeypatch):
    monkeypatch.setattr(base, "_BODY_LIMIT", 1024**2)
    upstream.json('{"data":[],"padding":"%s"}' % ("x" * (1024**2 - 30)))
    await odd.embed(EmbedRequest.check({"model": "e", "input": "a"}), new_call())
    upstream.json('{"data":[],"padding":"%s"}' % ("x" * 1024**2))
    with pytest.raises(errors.ProviderProtocolError, match="more than 1 MB"):
        await odd.embed(EmbedRequest.check({"model": "e", "input": "a"}), new_call())
    assert len(set(upstream.peers)) == 1


async def test_connections_are_used_again(upstream, odd):
    upstream.sse(WORD, STOP, "[DONE]")
    for _ in range(3):
        await ask(odd, chat_request(stream=True))
    upstream.json('{"data":[]}')
    for _ in range(3):
        await odd.embed(EmbedRequest.check({"model": "e", "input": "a"}), new_call())
    assert len(upstream.peers) == 6
    assert len(set(upstream.peers)) == 1


async def test_a_server_that_keeps_its_stream_open_does_not_hold_the_answer(server, provider, monkeypatch):
    monkeypatch.setattr(base, "_END_PATIENCE", 0.01)
    frames = server.frames
    monkeypatch.setattr(server, "frames", lambda heard, answer: [*frames(heard, answer), b": still here\n\n"] * 2)
    server.say(Answer(fault="hang_midway"))
    assert (await ask(provider, chat_request(stream=True))).finish_reason == "stop"
