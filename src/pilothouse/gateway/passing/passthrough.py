"""`/providers/{name}/...`: any request to a provider's own API, by its credentials and under the caller's limits.

    policy -> address below the provider's -> limits -> hold a bound of the cost -> stream both ways, reading the usage
      -> price, settle, record

The body goes out and comes back as it is. What it says of model and tokens is read in passed.py and usage.py. No
retry, no fallback, no cache: who asks here wants the vendor itself. The bodies are not recorded.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

import aiohttp
import msgspec
from yarl import URL

from pilothouse.access.policy import check_model
from pilothouse.call import Call
from pilothouse.errors import Forbidden, NotFound, PilothouseError, ProviderAuth, ProviderError, Unsupported
from pilothouse.gateway.guarding.watch import UNREAD, policy_of
from pilothouse.gateway.http import Exchange, Headers
from pilothouse.gateway.passing.passage import Passage
from pilothouse.gateway.passing.passed import Asked, address, answer_headers, asked_of, request_headers
from pilothouse.gateway.passing.usage import AnswerWatch
from pilothouse.gateway.pipeline import Gateway
from pilothouse.gateway.routes import Route
from pilothouse.gateway.visit import Rooms
from pilothouse.guarding import NOTING
from pilothouse.observe import Metrics
from pilothouse.providers.base import HttpProvider
from pilothouse.providers.failures import UNREADABLE
from pilothouse.types import Json

__all__ = ["PassThrough"]

_PATH = "/providers/{name}/{path...}"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS"})
_ERROR_BODY = 64 * 1024


class PassThrough:
    """The handler of the path, with a client of its own, since bodies are streamed in both directions."""

    def __init__(self, gateway: Gateway, rooms: Rooms, metrics: Metrics, max_json_bytes: int) -> None:
        self._gateway = gateway
        self._rooms = rooms
        self._metrics = metrics
        self._max_json = max_json_bytes
        self._session: aiohttp.ClientSession | None = None

    def routes(self, identity: Callable[[Call], Headers]) -> list[Route]:
        """`identity` gives the headers that say which call it was."""

        async def handle(exchange: Exchange, call: Call) -> None:
            await self._handle(exchange, call, identity)

        return [Route(method, _PATH, handle, by_path=True) for method in _METHODS]

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _handle(self, exchange: Exchange, call: Call, identity: Callable[[Call], Headers]) -> None:
        name, method = exchange.parts["name"], exchange.scope["method"]
        provider = self._provider(name)
        url = address(provider.base_url, exchange.scope["raw_path"], exchange.scope["query_string"])
        signed = type(provider).headers_for is not HttpProvider.headers_for and not provider.api_key
        body, told = await self._body(exchange, method, signed)
        asked = asked_of(method, exchange.parts["path"], told)
        _check_models(call, name, asked)
        if told is not None and call.principal.policy.models and body is not None:
            body = msgspec.json.encode(told)  # of a name that stands there twice, the one that was checked
        unread = self._unguarded(call)
        call.endpoint = f"/providers/{name}"
        call.versions["snapshot"] = self._gateway.router.version
        users = self._gateway.runtime.snapshot.config.users.limits
        label = f"{method} {name}/{exchange.parts['path'][:200]}"
        passage = Passage(self._rooms, self._gateway.router, call, name, asked, label, body or b"")
        passage.span.attributes |= unread
        try:
            await passage.admit(users)
            headers = request_headers(
                exchange.scope["headers"], await provider.headers_for(method, url, body or b""), signed=signed
            )
            sent = (
                _Upload(exchange, self._gateway.runtime.snapshot.config.batch.max_file_bytes) if body is None else body
            )
            await self._pass(exchange, provider, passage, url, headers, sent, identity)
        except BaseException as error:
            passage.fail(error)
            if not (exchange.started and isinstance(error, ProviderError)):
                raise  # an answer that broke off does so for the caller too: no error can be told in the midst of it
        finally:
            passage.end()
            self._metrics.observe(passage.span)

    def _unguarded(self, call: Call) -> dict[str, list[str]]:
        """What the span says of guards, none of which look here. Raises Forbidden where that would let something past
        them."""
        runtime = self._gateway.runtime
        policy = policy_of(runtime, call, "")
        if policy.is_empty:
            return {}
        acting = next((one for one in policy.placed if one.action not in NOTING), None)
        if acting is not None and runtime.snapshot.config.guards.pass_through == "refuse":
            raise Forbidden(
                f"The guard policy '{acting.policy}' holds for this key, and no guard looks at what is passed through: "
                "use the /v1 endpoints, or set 'guards.pass_through: allow'."
            )
        return {UNREAD: ["pass_through"]}

    def _provider(self, name: str) -> HttpProvider:
        provider: object = self._gateway.runtime.providers.get(name)
        if not isinstance(provider, HttpProvider) or not provider.base_url or not provider.config.pass_through:
            raise NotFound(
                f"There is no provider '{name[:64]}' to pass requests through to. One is open for that where its "
                "configuration says `pass_through: true`."
            )
        return provider

    async def _body(self, exchange: Exchange, method: str, signed: bool) -> tuple[bytes | None, Json | None]:
        """A body that is JSON, as bytes and decoded, to be read for its model; (None, None) for one to be streamed."""
        if method in _WITHOUT_BODY:
            return b"", None
        kind, coded = exchange.header(b"content-type") or "", exchange.header(b"content-encoding")
        length = exchange.header(b"content-length")
        if length == "0" or (length is None and exchange.header(b"transfer-encoding") is None):
            return b"", None
        if "json" not in kind or coded not in (None, "identity"):
            if signed:
                raise Unsupported("Requests to this provider are signed as a whole: send JSON, not compressed.")
            exchange.unwatch()
            return None, None
        raw = await exchange.body(self._max_json)
        try:
            told = msgspec.json.decode(raw)
        except UNREADABLE:
            told = None
        return raw, told if isinstance(told, dict) else None

    async def _pass(
        self, exchange: Exchange, provider: HttpProvider, passage: Passage, url: URL, headers: dict[str, str],
        body: "bytes | _Upload", identity: Callable[[Call], Headers],
    ) -> None:  # fmt: skip
        passage.asked_upstream = True
        try:
            async with self._client.request(
                exchange.scope["method"], url, headers=headers, data=body or None, allow_redirects=False,
                timeout=_timeout(provider),
            ) as response:  # fmt: skip
                await _refuse(provider, response)
                watch = passage.answered(response.status, AnswerWatch(response.headers.get("content-type", "")))
                await exchange.start(response.status, answer_headers(response.headers, identity(passage.call)))
                async for piece in response.content.iter_any():
                    watch.feed(piece)
                    await exchange.send_piece(piece, more=True)
                if response.status >= 400:
                    passage.fail(provider.error_from(response.status, watch.head, response.headers))
        except (TimeoutError, aiohttp.ClientError) as error:
            if isinstance(body, _Upload) and body.failure is not None:
                raise body.failure from error
            raise _network_error(provider, error) from error
        passage.end()  # recorded before the last byte leaves
        await exchange.send_piece(b"", more=False)

    @property
    def _client(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("user-agent", "content-type", "accept"),
            )
        return self._session


async def _refuse(provider: HttpProvider, response: aiohttp.ClientResponse) -> None:
    """What is not for the caller: that our key was refused, and redirects, which are not followed.

    The key is not put aside for it, as after other calls: a caller chooses what is asked for here, and could have every
    key put aside by asking for what none of them may do.
    """
    if response.status in (401, 402):
        raw = await response.content.read(_ERROR_BODY)
        error = provider.error_from(response.status, raw, response.headers)
        raise ProviderAuth(error.message, provider=provider.name, upstream_status=response.status)
    if 300 <= response.status < 400 and response.status != 304:
        raise provider.protocol_error("answered with a redirect, which is not followed")


class _Upload:
    """The request body on its way through. `failure` is what ended it too early, for which aiohttp has another word."""

    def __init__(self, exchange: Exchange, limit: int) -> None:
        self._exchange = exchange
        self._limit = limit
        self.failure: PilothouseError | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async with aclosing(self._exchange.pieces(self._limit)) as pieces:
                async for piece in pieces:
                    if piece:
                        yield piece
        except PilothouseError as error:
            self.failure = error
            raise


def _check_models(call: Call, provider: str, asked: Asked) -> None:
    """A key for certain models passes what names one of them, as `provider/model`. Raises Forbidden."""
    if not call.principal.policy.models:
        return
    if not asked.models:
        raise Forbidden("This key may use certain models alone, and no model can be read from this request.")
    for model in asked.models:
        check_model(call.principal, f"{provider}/{model}")


def _timeout(provider: HttpProvider) -> aiohttp.ClientTimeout:
    config = provider.config
    return aiohttp.ClientTimeout(
        total=config.timeout, sock_connect=config.connect_timeout, sock_read=config.read_timeout
    )


def _network_error(provider: HttpProvider, error: Exception) -> ProviderError:
    """The provider's error for what aiohttp raised."""
    if isinstance(error, aiohttp.ClientConnectorError):
        error = OSError(str(error))
    elif not isinstance(error, TimeoutError):
        return provider.broken_off(error)
    meant = provider.network_error(error)
    assert isinstance(meant, ProviderError)
    return meant
