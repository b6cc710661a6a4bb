"""A client of a running Pilothouse over HTTP: async, and a sync facade over one background loop.

It speaks the OpenAI wire format on `/v1` and the management API on `/api`; any OpenAI client works on `/v1` as well.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Self, TypeVar, overload

import aiohttp
import msgspec

from pilothouse.addresses import without_password
from pilothouse.background import Loop
from pilothouse.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    PilothouseError,
    PromotionRefused,
    ProviderError,
    ProviderProtocolError,
    ProviderUnavailable,
    StorageError,
    Unauthenticated,
    UnknownModel,
)
from pilothouse.fragments import Making, Part
from pilothouse.types import ChatChunk, ChatResponse, Json

__all__ = ["AsyncClient", "ChatStream", "Client", "Outcome", "Prompt"]

T = TypeVar("T")
Prompt = str | list[Json] | Json
"""A question, the messages of a chat, or a whole request body."""
Outcome = ChatResponse | PilothouseError
"""What became of one of several requests."""
_ERRORS: dict[str, type[PilothouseError]] = {
    e.code: e
    for e in (
        InvalidRequest, NotFound, UnknownModel, Conflict, Unauthenticated, Forbidden, ProviderUnavailable, StorageError,
    )
}  # fmt: skip
_AWAY = (ProviderUnavailable, StorageError, aiohttp.ClientError)


class AsyncClient:
    """`async with AsyncClient("http://127.0.0.1:8484", key) as client: ...`. Errors are those of errors.py."""

    def __init__(
        self, base_url: str, api_key: str | None = None, *, about: Callable[[], Mapping[str, str]] = dict
    ) -> None:  # fmt: skip
        """`about` gives further headers of each request, such as its trace."""
        self.base_url = base_url.rstrip("/")
        self._about = about
        self._shown = without_password(self.base_url)
        self._headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        self._session: aiohttp.ClientSession | None = None
        self._making = Making()

    async def chat(
        self, model: str | None = None, messages: str | list[Json] | None = None, *, prompt: Json | None = None,
        **params: Any,
    ) -> ChatResponse:  # fmt: skip
        """One answer. `messages` may be a plain question; `params` are further fields of the request body.

        `prompt` asks with one of the server's prompts, such as {"name": "rag-answer", "label": "production",
        "variables": {...}}: then model and messages may be left out.
        """
        body = _chat_body(model, messages, prompt, params)
        async with self._open("POST", "/v1/chat/completions", body) as response:
            data = msgspec.json.decode(await response.read())
            return ChatResponse(data, response.headers.get("x-pilothouse-trace-id", ""), _cost(response.headers))

    @overload
    async def parallel(
        self, prompts: Sequence[Prompt], *, model: str | None = None, limit: int = 8, join: None = None, **params: Any
    ) -> list[Outcome]: ...

    @overload
    async def parallel(
        self,
        prompts: Sequence[Prompt],
        *,
        model: str | None = None,
        limit: int = 8,
        join: Callable[[list[Outcome]], T],
        **params: Any,
    ) -> T: ...

    async def parallel(
        self,
        prompts: Sequence[Prompt],
        *,
        model: str | None = None,
        limit: int = 8,
        join: Callable[[list[Outcome]], Any] | None = None,
        **params: Any,
    ) -> Any:
        """Ask independent prompts at once, at most `limit` at a time; what became of each, in the order of the prompts.

        One that fails stands as its error in its place and takes nothing from the others. `join` makes one result of
        the list. `model` and `params` are for every request; a body's own fields go first.
        """
        if limit < 1:
            raise InvalidRequest("'limit' must be at least 1.", param="limit")
        places = asyncio.Semaphore(limit)

        async def ask(prompt: Prompt) -> Outcome:
            own = prompt if isinstance(prompt, dict) else {"messages": _messages(prompt)}
            body: Json = {"model": model, "messages": [], **params, **own, "stream": False}
            async with places:
                try:
                    return await self.chat(**body)
                except PilothouseError as error:
                    return error
                except aiohttp.ClientError as error:
                    return ProviderUnavailable(f"The answer broke off: {error}.")

        outcomes = await asyncio.gather(*map(ask, prompts))
        return outcomes if join is None else join(outcomes)

    def stream(
        self, model: str | None = None, messages: str | list[Json] | None = None, *, prompt: Json | None = None,
        **params: Any,
    ) -> "ChatStream":  # fmt: skip
        """The answer as it comes: `async for chunk in client.stream(...)`. `prompt` as in `chat`."""
        body = _chat_body(model, messages, prompt, {"stream": True, **params})
        return ChatStream(self._open("POST", "/v1/chat/completions", body))

    async def embed(self, model: str, texts: str | list[str]) -> list[list[float]]:
        """One vector per text."""
        answer = await self.request("POST", "/v1/embeddings", {"model": model, "input": texts})
        return [row["embedding"] for row in answer["data"]]

    async def fragment(
        self, section: str, inputs: Any, make: Callable[[], Awaitable[Any]], *, manifest: Any = None,
        ttl: float = 3600.0,
    ) -> Any:  # fmt: skip
        """A reusable part of an answer: the one kept at the server, else what `make` gives, kept for `ttl` seconds.

        It is known by the `section` of a template, its `inputs` and the `manifest` of what makes it (versions, such as
        those of prompt and model). The value comes back as JSON holds it, also the first time. Of those in this process
        who want the same part at once one makes it; where that fails, only its caller gets the error. A server that is
        away hinders nothing: the part is made.
        """
        part = Part(section, inputs, manifest, ttl)
        while (running := self._making.begin(part.key)) is not None:
            if (raw := await asyncio.shield(asyncio.wrap_future(running))) is not None:
                return msgspec.json.decode(raw)
        raw = None
        try:
            if (raw := await self._find_part(part)) is None:
                raw = part.made(await make())
                await self._keep_part(part, raw)
        finally:
            self._making.end(part.key, raw)
        return msgspec.json.decode(raw)

    async def _find_part(self, part: Part) -> bytes | None:
        """The part as JSON, where the server keeps it."""
        try:
            found = await self.request("POST", "/api/cache/fragments/find", part.name)
        except _AWAY:
            return None
        return msgspec.json.encode(found["value"]) if found["found"] else None

    async def _keep_part(self, part: Part, raw: bytes) -> None:
        """Have the server keep it, if it can and may."""
        with contextlib.suppress(*_AWAY):
            await self.request("PUT", "/api/cache/fragments", part.kept(raw))

    async def request(self, method: str, path: str, body: Json | None = None, *, timeout: float | None = None) -> Any:
        """Any call of the management API; the decoded JSON answer. Raises ProviderUnavailable after `timeout` seconds,
        and ProviderProtocolError for an answer that is no JSON."""
        try:
            async with asyncio.timeout(timeout), self._open(method, path, body) as response:
                return msgspec.json.decode(await response.read())
        except TimeoutError:
            raise ProviderUnavailable(f"{self._shown}{path} did not answer in time.") from None
        except aiohttp.ClientError as error:
            raise ProviderUnavailable(f"{self._shown}{path} broke off: {error}.") from error
        except msgspec.DecodeError as error:
            raise ProviderProtocolError(f"{self._shown}{path} answered what is no JSON: {error}.") from None

    def _open(self, method: str, path: str, body: Json | None) -> "_Opened":
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=600)
            self._session = aiohttp.ClientSession(headers=self._headers, timeout=timeout)
        return _Opened(self._session, method, self.base_url + path, body, self._about())

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class ChatStream:
    """An answer on its way, chunk by chunk. `aclose` stops it; `trace_id` is known from the first chunk on, `finished`
    says whether the answer came to its end."""

    def __init__(self, opened: "_Opened") -> None:
        self.trace_id = ""
        self.finished = False
        self._chunks = self._read(opened)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChatChunk:
        return await anext(self._chunks)

    async def aclose(self) -> None:
        await self._chunks.aclose()

    async def _read(self, opened: "_Opened") -> AsyncGenerator[ChatChunk]:
        async with opened as response:
            self.trace_id = response.headers.get("x-pilothouse-trace-id", "")
            try:
                async for line in response.content:
                    if not line.startswith(b"data: "):
                        continue
                    raw = line[6:].strip()
                    if raw == b"[DONE]":
                        self.finished = True
                    else:
                        yield _chunk(raw)
            except aiohttp.ClientError as error:
                raise ProviderUnavailable(f"The answer broke off: {error}.") from error


def _chunk(raw: bytes) -> ChatChunk:
    data = msgspec.json.decode(raw)
    if "error" in data:
        raise _error(502, data)
    choice = (data.get("choices") or [{}])[0]
    text = (choice.get("delta") or {}).get("content") or ""
    return ChatChunk(raw, text, finish_reason=choice.get("finish_reason"))


class _Opened:
    """A response in an `async with`, with network failures and error answers as errors of the tree."""

    def __init__(
        self, session: aiohttp.ClientSession, method: str, url: str, body: Json | None, about: Mapping[str, str]
    ) -> None:  # fmt: skip
        data = None if body is None else msgspec.json.encode(body)
        self._url = url
        self._context = session.request(method, url, data=data, headers={**about, "content-type": "application/json"})

    async def __aenter__(self) -> aiohttp.ClientResponse:
        try:
            response = await self._context.__aenter__()
        except aiohttp.ClientError as error:
            raise ProviderUnavailable(without_password(f"{self._url} cannot be reached: {error}.")) from error
        except ValueError as error:  # before anything is sent
            where = without_password(self._url)
            message = f"{where} cannot be asked: {error}. A key is sent in the place of an address's user and password."
            raise InvalidRequest(message) from None
        if response.status >= 400:
            raw = await response.read()
            await self._context.__aexit__(None, None, None)
            try:
                body = msgspec.json.decode(raw)
            except msgspec.DecodeError:
                body = {"error": {"message": raw[:500].decode("utf-8", "replace")}}
            raise _error(response.status, body)
        return response

    async def __aexit__(self, *exc: Any) -> None:
        await self._context.__aexit__(*exc)


def _cost(headers: Mapping[str, str]) -> int | None:
    """Nano-USD, by the header of an answer."""
    try:
        return round(float(headers["x-pilothouse-cost-usd"]) * 1e9)
    except (KeyError, ValueError):
        return None


def _error(status: int, body: Any) -> PilothouseError:
    error = body.get("error", body) if isinstance(body, dict) else {}
    details = error if isinstance(error, dict) else {}
    if details.get("code") == PromotionRefused.code:
        return PromotionRefused(str(details.get("message")))
    kind = _ERRORS.get(str(details.get("code")), Unauthenticated if status == 401 else ProviderError)
    return kind(str(details.get("message") or details.get("detail") or f"HTTP {status}"), param=details.get("param"))


def _chat_body(model: str | None, messages: str | list[Json] | None, prompt: Json | None, params: Json) -> Json:
    """What is None is left out: a prompt says it, or the server says what is missing."""
    given = {"model": model, "messages": None if messages is None else _messages(messages), "prompt": prompt}
    return {**{name: value for name, value in given.items() if value is not None}, **params}


def _messages(given: str | list[Json]) -> list[Json]:
    return [{"role": "user", "content": given}] if isinstance(given, str) else given


class Client:
    """The sync face of AsyncClient: the same calls, run on one background loop."""

    def __init__(self, base_url: str, api_key: str | None = None) -> None:
        self.base_url, self.api_key = base_url.rstrip("/"), api_key
        self._loop = Loop()
        self._client = AsyncClient(base_url, api_key)
        self._making = Making()

    def chat(self, model: str | None = None, messages: str | list[Json] | None = None, **params: Any) -> ChatResponse:
        return self._loop.run(self._client.chat(model, messages, **params))

    def parallel(
        self,
        prompts: Sequence[Prompt],
        *,
        model: str | None = None,
        limit: int = 8,
        join: Callable[[list[Outcome]], Any] | None = None,
        **params: Any,
    ) -> Any:
        return self._loop.run(self._client.parallel(prompts, model=model, limit=limit, join=join, **params))

    def stream(
        self, model: str | None = None, messages: str | list[Json] | None = None, **params: Any
    ) -> Iterator[ChatChunk]:
        return self._loop.iterate(self._client.stream(model, messages, **params))

    def embed(self, model: str, texts: str | list[str]) -> list[list[float]]:
        return self._loop.run(self._client.embed(model, texts))

    def fragment(
        self, section: str, inputs: Any, make: Callable[[], Any], *, manifest: Any = None, ttl: float = 3600.0
    ) -> Any:
        """As AsyncClient.fragment; `make` is called in the thread of its caller."""
        part = Part(section, inputs, manifest, ttl)
        while (running := self._making.begin(part.key)) is not None:
            if (raw := running.result()) is not None:
                return msgspec.json.decode(raw)
        raw = None
        try:
            if (raw := self._loop.run(self._client._find_part(part))) is None:
                raw = part.made(make())
                self._loop.run(self._client._keep_part(part, raw))
        finally:
            self._making.end(part.key, raw)
        return msgspec.json.decode(raw)

    def request(self, method: str, path: str, body: Json | None = None, *, timeout: float | None = None) -> Any:
        return self._loop.run(self._client.request(method, path, body, timeout=timeout))

    def begin(self, work: Callable[[AsyncClient], Coroutine[Any, Any, T]]) -> Future[T]:
        """Start async work with the client, on the loop of this one, and do not wait for it."""
        return self._loop.begin(work(self._client))

    def again(self) -> "Client":
        """Another client of the same server, for a process that was forked: threads stay behind."""
        return Client(self.base_url, self.api_key)

    def close(self) -> None:
        self._loop.cancel()  # or what waits would open a new session
        self._loop.run(self._client.aclose())
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
