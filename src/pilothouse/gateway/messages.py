"""`/v1/messages` and `/v1/messages/count_tokens`: Anthropic's Messages API over every provider.

An answer goes down the one path of all calls, so that keys, limits and budgets hold here as they do for a chat. Tokens
are counted by Anthropic where one of the model's deployments is Anthropic's, else estimated, which a header says.
"""

from collections.abc import Callable
from contextlib import aclosing
from typing import Protocol, runtime_checkable

import msgspec

from pilothouse.access.policy import check
from pilothouse.call import Call
from pilothouse.errors import ProviderError
from pilothouse.gateway.dialects.messages import read_request
from pilothouse.gateway.dialects.messages_errors import error_body, error_status
from pilothouse.gateway.guarding.entering import Said
from pilothouse.gateway.guarding.keeping import kept
from pilothouse.gateway.http import ErrorShape, Exchange, Headers
from pilothouse.gateway.meter import estimate_tokens
from pilothouse.gateway.pipeline import Gateway
from pilothouse.types import ChatChunk, ChatRequest, Json, decode_body, text_of

__all__ = ["MESSAGES_ERRORS", "Messages", "TokenCounter", "model_info", "model_list"]

_ID_HEADER = b"request-id"  # where Anthropic's clients look for it
MESSAGES_ERRORS = ErrorShape(error_body, error_status, b"error", _ID_HEADER)

_FORWARDED = (b"anthropic-beta", b"anthropic-version")
_ESTIMATED = (b"x-pilothouse-estimated", b"true")
_PER_MESSAGE = 4  # tokens around each, as the estimate of a call without usage has it
_PER_IMAGE = 1600  # about the most that Anthropic counts for one (docs: vision)


@runtime_checkable
class TokenCounter(Protocol):
    """A provider that counts the input tokens of a Messages request itself: `{"input_tokens": 12}`."""

    async def count_tokens(self, request: ChatRequest, call: Call) -> Json: ...


class Messages:
    """The handlers. `identity` gives the headers that say which call this was and what answered it."""

    def __init__(self, gateway: Gateway, max_body_bytes: int, identity: Callable[[Call], Headers]) -> None:
        self._gateway = gateway
        self._max_body_bytes = max_body_bytes
        self._identity = identity

    async def create(self, exchange: Exchange, call: Call) -> None:
        """The call is recorded before the last byte of its answer leaves."""
        request = await self._read(exchange, call)
        async with aclosing(self._gateway.chat(request, call)) as chunks:
            answer: ChatChunk | None = None
            async for chunk in chunks:
                if request.stream and chunk.event != b"message_stop":
                    if not exchange.started:
                        await exchange.start_events(self._headers(call))
                    await exchange.event(chunk.raw, chunk.event)
                else:
                    answer = chunk
        if answer is None:
            raise ProviderError("The provider gave no answer.")
        if exchange.started:
            await exchange.end_events(answer.raw, answer.event)
        else:
            await exchange.json(answer.raw, self._headers(call))

    async def count_tokens(self, exchange: Exchange, call: Call) -> None:
        request = await self._read(exchange, call, counting=True)
        check(call.principal, endpoint=call.endpoint or "", client_ip=call.client_ip)
        entered = await self._gateway.preview(request, call, counting=True)
        async with self._gateway.counted(call):
            counted = None if isinstance(entered, Said) else await self._counted(entered, call)
        if counted is not None:
            await exchange.json(msgspec.json.encode(counted), self._headers(call))
            return
        tokens = 0 if isinstance(entered, Said) else _estimate(entered)  # where guards answer no model reads anything
        body = msgspec.json.encode({"input_tokens": tokens})
        await exchange.json(body, [*self._headers(call), _ESTIMATED])

    async def _counted(self, request: ChatRequest, call: Call) -> Json | None:
        """The count of the first deployment that can tell; None where there is none, or none that answers now."""
        plan = self._gateway.router.plan(request, call)
        keeping = await kept(self._gateway.runtime, call, request, ())
        for deployment in (plan if keeping is None else keeping.only(plan, request, call)).candidates:
            if not isinstance(deployment.provider, TokenCounter):
                continue
            with call.step(f"count_tokens {request.model}", "chain") as (span, inner):
                span.operation, span.request_model = "count_tokens", request.model
                span.provider, span.deployment = deployment.kind, deployment.id
                call.versions["deployment"] = deployment.id
                try:
                    return await deployment.provider.count_tokens(request.edited(model=deployment.model), inner)
                except ProviderError as error:
                    span.fail(error)
                    if not error.retryable:
                        raise
        call.versions.pop("deployment", None)
        return None

    async def _read(self, exchange: Exchange, call: Call, *, counting: bool = False) -> ChatRequest:
        call.session_id = call.session_id or exchange.header(b"x-claude-code-session-id")
        body = decode_body(await exchange.body(self._max_body_bytes))
        return read_request(body, _caller_headers(exchange), counting=counting)

    def _headers(self, call: Call) -> Headers:
        return [*self._identity(call), (_ID_HEADER, call.request_id.encode())]


def model_list(names: list[str]) -> Json:
    """The answer of GET /v1/models in Anthropic's shape: one page with all of them."""
    return {
        "data": [model_info(name) for name in names],
        "has_more": False,
        "first_id": names[0] if names else None,
        "last_id": names[-1] if names else None,
    }


def model_info(name: str) -> Json:
    """One model in Anthropic's shape; its date is the epoch, Anthropic's word for an unknown one."""
    created = "1970-01-01T00:00:00Z"
    return {"type": "model", "id": name, "display_name": name, "created_at": created, "lifecycle": "active"}


def _caller_headers(exchange: Exchange) -> list[tuple[str, str]]:
    """The headers that belong to the request in Anthropic's dialect; one that was sent twice is one list."""
    found: dict[str, str] = {}
    for name, value in exchange.scope["headers"]:
        if name in _FORWARDED:
            key, text = name.decode(), value.decode("latin-1")
            found[key] = f"{found[key]},{text}" if key in found else text
    return list(found.items())


def _estimate(request: ChatRequest) -> int:
    """Input tokens at four characters each: messages, tool calls, tools."""
    chat = request.as_chat.body
    characters = len(msgspec.json.encode(chat.get("tools") or ""))
    tokens = 0
    for message in chat["messages"]:
        content = message.get("content")
        parts = content if isinstance(content, list) else ()
        tokens += _PER_MESSAGE + _PER_IMAGE * sum(part["type"] == "image_url" for part in parts)
        characters += len(text_of(content))
        characters += sum(len(call["function"]["arguments"]) for call in message.get("tool_calls") or ())
    return tokens + estimate_tokens(characters)
