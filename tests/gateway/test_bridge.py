"""How Messages meet a provider that only chats; the wire-format servers say the rest in test_messages.py."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from pilothouse.call import Call
from pilothouse.config import Config
from pilothouse.errors import ProviderUnavailable, Unsupported
from pilothouse.gateway.bridge import bridged
from pilothouse.gateway.dialects.messages import read_request
from pilothouse.types import ChatChunk, ChatRequest, Usage

from .conftest import gateway_of
from .scripted import Recording, Scripted, piece, whole


def request(**fields: Any) -> ChatRequest:
    return read_request({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}], **fields})


def test_a_provider_of_the_dialect_gets_the_request_itself() -> None:
    provider = Scripted(operations={"chat", "messages"})
    assert bridged(provider, request(container="c")) == provider.chat


def test_what_cannot_be_said_is_refused_before_the_provider_is_asked() -> None:
    with pytest.raises(Unsupported, match=r"^container: cannot be said to 'm'.*\(nor inference_geo\)") as caught:
        bridged(Scripted(), request(container="c", inference_geo="eu"))
    assert caught.value.param == "container"
    with pytest.raises(Unsupported, match="no messages"):
        bridged(Scripted(operations={"embeddings"}), request())


@pytest.mark.parametrize("stream", [False, True])
async def test_the_chat_is_asked_for_in_the_form_that_the_caller_wants(call: Call, stream: bool) -> None:
    provider = Scripted(*((piece("a"), piece(finish="stop")) if stream else (whole("a"),)))
    asked = request(stream=stream).edited(model="theirs")
    chunks = [chunk async for chunk in bridged(provider, asked)(asked, call)]
    (sent,) = provider.requests
    assert (sent.operation, sent.model, sent.stream) == ("chat", "theirs", stream)
    assert "".join(chunk.text for chunk in chunks) == "a"
    assert [chunk.event for chunk in chunks][-1] == (b"message_stop" if stream else None)


async def test_closing_the_answer_closes_the_chat(call: Call) -> None:
    provider = Scripted(piece("a"), asyncio.Event())
    asked = request(stream=True)
    async with aclosing(bridged(provider, asked)(asked, call)) as chunks:
        assert (await anext(chunks)).event == b"message_start"
    assert provider.closed == 1


async def test_stable_parts_are_marked_for_anthropic_alone(recording: Recording) -> None:
    claude, other = Scripted(ProviderUnavailable("down")), Scripted(whole("b"))
    config = Config.model_validate(
        {
            "providers": {"claude": {"kind": "anthropic"}, "other": {"kind": "openai"}},
            "models": {
                "m": {
                    "deployments": [{"provider": "claude", "model": "c"}],
                    "fallbacks": ["spare"],
                    "resilience": {"retries": 0},
                    "shaping": {"prefix": True},
                },
                "spare": {"deployments": [{"provider": "other", "model": "o"}]},
            },
        }
    )
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]
    gateway = gateway_of(config, {"claude": claude, "other": other})
    async for _ in gateway.chat(ChatRequest({"model": "m", "messages": messages}), Call(recording)):
        pass
    assert claude.requests[0].messages == [{**messages[0], "cache_control": {"type": "ephemeral"}}, messages[1]]
    assert other.requests[0].messages == messages


async def test_what_varies_comes_after_what_stays_and_is_not_marked(recording: Recording) -> None:
    """Seen after a few calls; the marked turn goes to Anthropic with the day's own message behind it."""
    claude = Scripted(whole("a"))
    config = Config.model_validate(
        {
            "providers": {"claude": {"kind": "anthropic"}},
            "models": {"m": {"deployments": [{"provider": "claude", "model": "c"}], "shaping": {"prefix": True}}},
        }
    )
    gateway = gateway_of(config, {"claude": claude})
    for number in range(8):
        day, rules = {"role": "system", "content": f"Call {number}."}, {"role": "system", "content": "Be kind."}
        messages = [day, rules, {"role": "user", "content": "Hi"}]
        async for _ in gateway.chat(ChatRequest({"model": "m", "messages": messages}), Call(recording)):
            pass
    assert claude.requests[0].messages[0]["content"] == "Call 0."
    assert claude.requests[-1].messages == [{**rules, "cache_control": {"type": "ephemeral"}}, day, messages[-1]]


async def test_the_share_of_a_providers_cache_is_counted_by_deployment(recording: Recording) -> None:
    told = Usage(input_tokens=100, output_tokens=5, cached_tokens=80)
    tells = Scripted(ChatChunk(whole("a").raw, "a", finish_reason="stop", usage=told))
    silent = Scripted(ChatChunk(b'{"choices": []}', "a", finish_reason="stop"))
    config = Config.model_validate(
        {
            "providers": {"tells": {"kind": "openai"}, "silent": {"kind": "openai"}},
            "models": {name: {"deployments": [{"provider": name, "model": "x"}]} for name in ("tells", "silent")},
        }
    )
    gateway = gateway_of(config, {"tells": tells, "silent": silent})
    for name in ("tells", "tells", "silent"):
        asked = ChatRequest({"model": name, "messages": [{"role": "user", "content": "Hi"}]})
        async for _ in gateway.chat(asked, Call(recording)):
            pass
    (used,) = gateway._rooms.caches.prompts.report()
    assert (used.deployment, used.calls, used.input_tokens, used.share) == ("tells/x", 2, 200, 0.8)
