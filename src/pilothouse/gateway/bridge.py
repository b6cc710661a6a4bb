"""Legacy text completions over providers that only chat: the prompt becomes a user message, and back."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

import msgspec

from pilothouse.call import Call
from pilothouse.errors import Unsupported
from pilothouse.protocols import Provider
from pilothouse.types import ChatChunk, ChatRequest, Json

__all__ = ["bridged"]

Provide = Callable[[ChatRequest, Call], AsyncGenerator[ChatChunk]]

_COMPLETION_ONLY = ("echo", "best_of", "suffix", "logprobs")


def bridged(provider: Provider, request: ChatRequest) -> Provide:
    """What answers `request`: the provider itself, or its chat dressed as a text completion.

    Raises Unsupported where the provider offers neither.
    """
    if request.operation in provider.operations:
        return provider.chat
    if request.operation == "text_completion" and "chat" in provider.operations:
        return lambda sent, call: _completion_by_chat(provider, sent, call)
    raise Unsupported(f"'{request.model}' has no {request.operation.replace('_', ' ')}s.", param="model")


async def _completion_by_chat(provider: Provider, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
    async with aclosing(provider.chat(_to_chat(request), call)) as chunks:
        async for chunk in chunks:
            yield _from_chat(chunk, request.stream)


def _to_chat(request: ChatRequest) -> ChatRequest:
    body = dict(request.body)
    for name in _COMPLETION_ONLY:
        if body.get(name):
            raise Unsupported(f"'{name}' needs a model with text completions of its own.", param=name)
        body.pop(name, None)
    prompt = body.pop("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        raise Unsupported("This model takes one prompt, as text.", param="prompt")
    return ChatRequest({**body, "messages": [{"role": "user", "content": prompt}]})


def _from_chat(chunk: ChatChunk, stream: bool) -> ChatChunk:
    data = chunk.data
    choices: list[Json] = []
    for choice in data.get("choices") or ():
        message = choice.get("delta" if stream else "message") or {}
        choices.append(
            {
                "index": choice.get("index", 0),
                "text": message.get("content") or "",
                "logprobs": None,
                "finish_reason": choice.get("finish_reason"),
            }
        )
    identity = str(data.get("id") or "").replace("chatcmpl", "cmpl")
    raw = msgspec.json.encode({**data, "id": identity, "object": "text_completion", "choices": choices})
    return replace(chunk, raw=raw)
