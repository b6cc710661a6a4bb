"""The `/v1` endpoints in OpenAI's dialect, as raw ASGI: read, authenticate, hand to the pipeline, write what comes."""

import asyncio
import logging
import re
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

import msgspec

from pilothouse.access.door import Door
from pilothouse.access.policy import allows_model
from pilothouse.call import Call, Recorder
from pilothouse.errors import (
    Cancelled,
    Forbidden,
    Overloaded,
    PilothouseError,
    ProviderError,
    UnknownModel,
)
from pilothouse.gateway.batch.batches import Batching
from pilothouse.gateway.callers import read_metadata
from pilothouse.gateway.guarding.moderations import GUARD_MODEL
from pilothouse.gateway.http import Exchange, Headers, Receive, Scope, Send, Vigil
from pilothouse.gateway.messages import MESSAGES_ERRORS, Messages, model_info, model_list
from pilothouse.gateway.passing.passthrough import PassThrough
from pilothouse.gateway.pipeline import Gateway
from pilothouse.gateway.responses.responses import Responses
from pilothouse.gateway.routes import Route, Routes
from pilothouse.observe import Metrics
from pilothouse.settings import Settings
from pilothouse.single import DEFAULT_MODERATION, ModerationRequest, RerankRequest
from pilothouse.storage.responses import ResponseStore
from pilothouse.types import ChatChunk, ChatRequest, EmbedRequest, Json, Operation

__all__ = ["Endpoints"]

_log = logging.getLogger("pilothouse.gateway")
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$")
_DONE = b"[DONE]"
_LONGEST_USER = 256
_PRINTABLE = bytes(byte if 32 <= byte < 127 else ord("?") for byte in range(256))
LAST_WORD = 5.0  # seconds for a client that is slow to read to take an error


class Endpoints:
    """An ASGI application for the paths in `routes`; anything else under `/v1` is a 404 in OpenAI's shape."""

    def __init__(
        self,
        gateway: Gateway,
        door: Door,
        recorder: Recorder,
        metrics: Metrics,
        settings: Settings,
        kept: ResponseStore,
        passing: PassThrough,
        batching: Batching,
    ) -> None:
        self._vigil = Vigil()
        self._gateway = gateway
        self._door = door
        self._recorder = recorder
        self._metrics = metrics
        self._settings = settings
        messages = Messages(gateway, settings.max_body_bytes, self._identity)
        self._passing = passing
        self._responses = Responses(
            gateway.chat,
            kept,
            settings.max_body_bytes,
            self._identity,
            lambda *asked: gateway.preview(*asked),
        )
        self.routes = Routes(
            [
                Route("POST", "/v1/chat/completions", self.chat),
                Route("POST", "/v1/completions", self.completions),
                Route("POST", "/v1/embeddings", self.embeddings),
                Route("POST", "/v1/rerank", self.rerank),
                Route("POST", "/v1/moderations", self.moderations),
                Route("POST", "/v1/messages", messages.create, MESSAGES_ERRORS),
                Route("POST", "/v1/messages/count_tokens", messages.count_tokens, MESSAGES_ERRORS),
                *self._responses.routes,
                *passing.routes(self._identity),
                *batching.routes(self._identity),
                Route("GET", "/v1/models", self.models),
                Route("GET", "/v1/models/{name...}", self.model),
            ]
        )

    async def aclose(self) -> None:
        """Stop what was left running in the background."""
        await self._responses.aclose()
        await self._passing.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        deadline = time.monotonic() + self._settings.request_timeout
        exchange = Exchange(scope, receive, send, deadline, self._vigil)
        call = self._call(exchange)
        exchange.wanted = lambda: call.wanted is not None and call.wanted()
        endpoint, status = "other", 200
        self._metrics.in_flight += 1
        try:
            try:
                route, exchange.parts = self.routes.find(scope["method"], scope["path"])
                endpoint, exchange.errors = route.path, route.errors
                await self._admit(exchange, call, scope["path"] if route.by_path else endpoint)
                async with exchange:
                    await route.handler(exchange, call)
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - every request gets an answer
                failure = self._failure(error, exchange, call)
                if endpoint == "other":  # no route was found
                    exchange.errors = self.routes.errors(scope["path"])
                status = exchange.errors.status(failure)
                if not isinstance(failure, Cancelled):
                    await self._tell(failure, exchange, call)
        finally:
            self._metrics.in_flight -= 1
        self._metrics.request(endpoint, status)

    def _failure(self, error: Exception | asyncio.CancelledError, exchange: Exchange, call: Call) -> PilothouseError:
        """What to answer: Cancelled when there is nobody to answer."""
        if isinstance(error, asyncio.CancelledError):
            if (task := asyncio.current_task()) is not None:
                task.uncancel()
            if exchange.client_left:
                return Cancelled("The client left.")
            reason = call.reason(error)
            return reason if isinstance(reason, PilothouseError) else Overloaded("The server is stopping. Ask again.")
        if isinstance(error, PilothouseError):
            return error
        _log.error("request %s failed", call.request_id, exc_info=error)
        return PilothouseError("Something went wrong in Pilothouse; the log has the request id.")

    async def _tell(self, failure: PilothouseError, exchange: Exchange, call: Call) -> None:
        """Answer with the error. Where the client does not read it hang up: a server that stops cannot wait for it, nor
        may what was written for it stay in memory."""
        with suppress(TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(LAST_WORD):
                await exchange.error(failure, call.request_id, self._identity(call))
                return
        exchange.hang_up()

    async def chat(self, exchange: Exchange, call: Call) -> None:
        await self._complete(exchange, call, "chat")

    async def completions(self, exchange: Exchange, call: Call) -> None:
        await self._complete(exchange, call, "text_completion")

    async def embeddings(self, exchange: Exchange, call: Call) -> None:
        request = EmbedRequest.parse(await exchange.body(self._settings.max_body_bytes))
        answer = await self._gateway.embed(request, call)
        await exchange.json(answer.raw, self._identity(call))

    async def rerank(self, exchange: Exchange, call: Call) -> None:
        request = RerankRequest.parse(await exchange.body(self._settings.max_body_bytes))
        await exchange.json((await self._gateway.single(request, call)).raw, self._identity(call))

    async def moderations(self, exchange: Exchange, call: Call) -> None:
        """Without a model OpenAI's default: an alias of that name, else the model at the provider `openai`. A model
        `guard:POLICY` is a policy of guards."""
        request = ModerationRequest.parse(await exchange.body(self._settings.max_body_bytes))
        if request.model.startswith(GUARD_MODEL):
            await exchange.json(await self._gateway.moderate(request, call), self._identity(call))
            return
        router, direct = self._gateway.router, f"openai/{DEFAULT_MODERATION}"
        if request.model == DEFAULT_MODERATION and DEFAULT_MODERATION not in router.names() and router.has("openai"):
            request = request.edited(model=direct)
        await exchange.json((await self._gateway.single(request, call)).raw, self._identity(call))

    async def models(self, exchange: Exchange, call: Call) -> None:
        rows = await self._models(call)
        anthropic = exchange.header(b"anthropic-version") is not None
        body = model_list([row["id"] for row in rows]) if anthropic else {"object": "list", "data": rows}
        await exchange.json(msgspec.json.encode(body), self._identity(call))

    async def model(self, exchange: Exchange, call: Call) -> None:
        name = exchange.parts["name"]
        row = next((row for row in await self._models(call) if row["id"] == name), None)
        if row is None:
            raise UnknownModel(f"No model '{name}' is listed. GET /v1/models lists those there are.", param="model")
        if exchange.header(b"anthropic-version") is not None:
            row = model_info(name)
        await exchange.json(msgspec.json.encode(row), self._identity(call))

    async def _models(self, call: Call) -> list[Json]:
        """The models, and the prompts that have a version in production."""
        rows = [*await self._gateway.router.offered(), *await self._gateway.prompting.offered(call.project_id)]
        offered = [row for row in rows if allows_model(call.principal, row[0])]
        return [{"id": name, "object": "model", "created": 0, "owned_by": owner} for name, owner in offered]

    async def _complete(self, exchange: Exchange, call: Call, operation: Operation) -> None:
        """The generator is exhausted, so the call recorded, before the last byte of the answer leaves."""
        request = ChatRequest.parse(await exchange.body(self._settings.max_body_bytes), operation)
        async with aclosing(self._gateway.chat(request, call)) as chunks:
            if request.stream:
                await self._stream(exchange, call, request, chunks)
                return
            answer: ChatChunk | None = None
            async for chunk in chunks:
                answer = chunk
        if answer is None:
            raise ProviderError("The provider gave no answer.")
        await exchange.json(answer.raw, self._identity(call))

    async def _stream(
        self, exchange: Exchange, call: Call, request: ChatRequest, chunks: AsyncGenerator[ChatChunk]
    ) -> None:
        wants_usage = request.wants_usage
        async for chunk in chunks:
            if not exchange.started:
                await exchange.start_events(self._identity(call))
            if not chunk.usage_only or wants_usage:
                await exchange.event(chunk.raw)
        if not exchange.started:
            raise ProviderError("The provider gave no answer.")
        await exchange.end_events(_DONE)

    def _call(self, exchange: Exchange) -> Call:
        """A new trace, or a step of the caller's own where it sent a W3C `traceparent`."""
        call = Call(recorder=self._recorder, deadline=exchange.deadline, endpoint=exchange.scope["path"])
        parent = exchange.header(b"traceparent")
        match = _TRACEPARENT.match(parent) if parent else None
        if match:
            call.trace_id, call.remote_parent_id = match.groups()  # the request id stays its own
        call.session_id = exchange.header(b"x-session-id")
        call.cache_control = exchange.header(b"cache-control") or ""
        user = exchange.header(b"x-pilothouse-user")
        call.user_id = user[:_LONGEST_USER] if user else None
        return call

    async def _admit(self, exchange: Exchange, call: Call, endpoint: str) -> None:
        peer = exchange.scope.get("client")
        call.client_ip = self._door.client_ip(peer[0] if peer else "", exchange.header(b"x-forwarded-for"))
        call.principal = principal = await self._door.admit(
            exchange.header(b"authorization"), exchange.header(b"x-api-key"), endpoint=endpoint,
            client_ip=call.client_ip,
        )  # fmt: skip
        if not principal.may("call"):
            raise Forbidden(f"A key with the role '{principal.role}' calls no models; it needs the role 'caller'.")
        call.project_id, call.key_id = principal.project_id, principal.key_id
        metadata = exchange.header(b"x-pilothouse-metadata")
        if metadata is not None:
            call.metadata = read_metadata(metadata)

    def _identity(self, call: Call) -> Headers:
        """The headers that say which call this was and what answered it."""
        headers = [(b"x-request-id", call.request_id.encode()), (b"x-pilothouse-trace-id", call.trace_id.encode())]
        deployment = call.versions.get("embedder" if call.endpoint == "/v1/embeddings" else "deployment")
        if deployment is not None:
            headers.append((b"x-pilothouse-deployment", _header(deployment)))
        for name, value in call.headers:  # callers choose the names of models
            headers.append((name.encode(), value.encode("ascii", "replace").translate(_PRINTABLE)))
        return headers


def _header(text: str) -> bytes:
    """Text as a header can hold it: callers choose the names of models."""
    return text.encode("ascii", "replace").translate(_PRINTABLE)
