"""How a request in a dialect meets a provider: as it is where the provider speaks it, else dressed as a chat and back.

Decided anew for each attempt, since a fallback may lead from a provider of the one kind to one of the other.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import msgspec

from pilothouse.cache.prefix import prefixed
from pilothouse.call import Call
from pilothouse.errors import Unsupported
from pilothouse.gateway.dialects.messages_answer import MessageWriter
from pilothouse.gateway.dialects.messages_fit import fitted
from pilothouse.gateway.responses.bridge import MALFORMED, malformed, response_by_chat
from pilothouse.gateway.routing.plan import Deployment
from pilothouse.protocols import Provider
from pilothouse.providers.translated import TranslatingProvider
from pilothouse.types import ChatChunk, ChatRequest, Json, ModelRequest, SingleRequest

__all__ = ["bridged", "provide"]

Provide = Callable[[ChatRequest, Call], AsyncGenerator[ChatChunk]]

_METHODS = {"embeddings": "embed", "rerank": "rerank", "moderations": "moderate"}
_OPERATIONS = {"embeddings": "embeddings", "rerank": "reranking", "moderations": "moderation"}
_COMPLETION_ONLY = ("echo", "best_of", "suffix", "logprobs")


def bridged(provider: Provider, request: ChatRequest) -> Provide:
    """What answers `request`: the provider itself, or its chat in the clothes of the request's dialect.

    Raises Unsupported where the provider offers neither, or where a chat cannot say what is asked.
    """
    if request.operation in provider.operations:
        return provider.chat
    if request.operation == "text_completion" and "chat" in provider.operations:
        return lambda sent, call: _completion_by_chat(provider, sent, call)
    if request.operation == "messages" and "chat" in provider.operations:
        _refuse_unsaid(request)
        return lambda sent, call: _messages_by_chat(provider, sent, call)
    if request.operation == "responses" and "chat" in provider.operations:
        return response_by_chat(provider, request)
    raise Unsupported(f"'{request.model}' has no {request.operation.replace('_', ' ')}s.", param="model")


def provide(request: ModelRequest, varies: Callable[[Json], bool] | None = None) -> Callable[[Deployment], Any]:
    """For each deployment the function that asks it: (request, call) -> its generator of chunks. With `varies`, which
    tells of a system message, the stable parts of a chat are marked for Anthropic: its prompt cache keeps no others."""
    if not isinstance(request, ChatRequest):
        return lambda deployment: _single(deployment.provider, request)
    if varies is None:
        return lambda deployment: bridged(deployment.provider, request)

    def ask(deployment: Deployment) -> Provide:
        provider = bridged(deployment.provider, request)
        if deployment.kind != "anthropic":
            return provider
        return lambda sent, call: provider(prefixed(sent, marks=True, varies=varies), call)

    return ask


def _single(provider: Provider, request: SingleRequest) -> Callable[[Any, Call], AsyncGenerator[ChatChunk]]:
    """What answers a request that has one answer, as a generator of that one."""
    if request.operation not in provider.operations:
        raise Unsupported(f"'{request.model}' has no {_OPERATIONS[request.operation]}.", param="model")
    ask = getattr(provider, _METHODS[request.operation])

    async def answer(sent: SingleRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        answered = await ask(sent, call)
        yield ChatChunk(answered.raw, usage=answered.usage)

    return answer


def _refuse_unsaid(request: ChatRequest) -> None:
    if request.unsaid:
        others = f" (nor {', '.join(request.unsaid[1:])})" if len(request.unsaid) > 1 else ""
        raise Unsupported(
            f"{request.unsaid[0]}: cannot be said to '{request.model}', which is not served in Anthropic's own format"
            f"{others}. Leave it out, or ask a Claude model of a provider of the kind 'anthropic'.",
            param=request.unsaid[0],
        )


async def _messages_by_chat(provider: Provider, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
    chat = fitted(request.as_chat, plain=not isinstance(provider, TranslatingProvider))
    writer = MessageWriter(request)
    async with aclosing(provider.chat(chat, call)) as chunks:
        async for chunk in chunks:
            try:
                told = writer.feed(chunk) if request.stream else [writer.whole(chunk)]
            except MALFORMED as error:
                raise malformed(provider, error) from error
            for event in told:
                yield event
    if request.stream:
        for event in writer.end():
            yield event


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
