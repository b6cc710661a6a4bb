"""Responses over providers that only chat: the chat's answer is told in the Responses dialect, as it comes."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

import msgspec

from pilothouse.call import Call
from pilothouse.errors import ContextTooLong, ProviderProtocolError, Unsupported
from pilothouse.gateway.dialects.messages_fit import fitted
from pilothouse.gateway.dialects.responses_events import Event, ResponseEvents
from pilothouse.gateway.dialects.responses_items import owned_by
from pilothouse.gateway.responses.turn import response_key
from pilothouse.protocols import Provider
from pilothouse.providers.translated import TranslatingProvider
from pilothouse.types import ChatChunk, ChatRequest, Json

__all__ = ["MALFORMED", "malformed", "response_by_chat"]

Provide = Callable[[ChatRequest, Call], AsyncGenerator[ChatChunk]]

_encode = msgspec.json.Encoder().encode


MALFORMED = (TypeError, AttributeError, KeyError, ValueError)
"""What reading an answer raises whose parts are not of the type that they must have."""


def malformed(provider: Provider, error: Exception) -> ProviderProtocolError:
    """The error for an answer that cannot be said in another dialect."""
    text = f"Provider '{provider.name}' answered in a shape that is not OpenAI's: {error}."
    return ProviderProtocolError(text, provider=provider.name)


def response_by_chat(provider: Provider, request: ChatRequest) -> Provide:
    """What answers a Responses request by the provider's chat: one chunk per event, or one with the whole response.

    Raises Unsupported naming the first place that a chat cannot express.
    """
    if request.unsaid:
        what = request.unsaid[0]
        raise Unsupported(
            f"{what}: '{request.model}' has no Responses API of its own to serve this. Leave it out, or use a model "
            "whose provider has one.",
            param=what.partition(" ")[0],
        )
    return lambda sent, call: _answer(provider, sent, call)


async def _answer(provider: Provider, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
    events = ResponseEvents(request.body, provider.name, response_key(call.request_id))
    answer = ChatChunk(b"")
    async with aclosing(_chat(provider, request, call)) as chunks:
        async for answer in chunks:
            try:
                told = events.feed(answer)
            except MALFORMED as error:
                raise malformed(provider, error) from error
            if request.stream and told:
                for event in told[:-1]:
                    yield _chunk(event)
                yield replace(answer, raw=_encode(told[-1]), event=told[-1]["type"].encode(), usage_only=False,
                              finish_reason=None, tool_calls=events.tool_calls)  # fmt: skip
    if not events.started:
        return
    try:
        told = events.end()
    except MALFORMED as error:
        raise malformed(provider, error) from error
    counted = replace(answer, finish_reason=events.finish_reason, usage=events.usage, usage_only=False)
    if not request.stream:
        yield replace(counted, raw=_encode(events.response), tool_calls=events.tool_calls)
        return
    for event in told[:-1]:
        yield _chunk(event)
    yield replace(counted, raw=_encode(told[-1]), event=told[-1]["type"].encode(), text="", reasoning="")


def _chunk(event: Event) -> ChatChunk:
    return ChatChunk(_encode(event), event=event["type"].encode())


async def _chat(provider: Provider, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
    """The chat. With `truncation: auto` a context that is too long is asked for again without its oldest turns."""
    chat = fitted(request.as_chat, plain=not isinstance(provider, TranslatingProvider))
    messages: list[Json] | None = owned_by(request.messages, provider.name)
    while messages is not None:
        try:
            async with aclosing(provider.chat(chat.edited(messages=messages), call)) as chunks:
                async for chunk in chunks:
                    yield chunk
            return
        except ContextTooLong:  # always raised before the first chunk
            messages = _shorter(messages) if request.body.get("truncation") == "auto" else None
            if messages is None:
                raise


def _shorter(messages: list[Json]) -> list[Json] | None:
    """Without the older half of the turns, system messages apart; None where one turn is left."""
    starts = [i for i, message in enumerate(messages) if message.get("role") == "user"]
    if len(starts) < 2:
        return None
    cut = starts[len(starts) // 2]
    kept = [message for message in messages[:cut] if message.get("role") in ("system", "developer")]
    return [*kept, *messages[cut:]]
