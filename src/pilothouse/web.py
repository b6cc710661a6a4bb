"""The platform as one ASGI application behind one port: `/v1` raw, everything else by FastAPI, and its server."""

import asyncio
import contextlib
import gc
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Protocol

import uvicorn
from fastapi import FastAPI

from pilothouse.api.observe.otlp import OTLP
from pilothouse.errors import ConfigError
from pilothouse.gateway import Endpoints
from pilothouse.gateway.connection import Connection
from pilothouse.gateway.http import Exchange, Receive, Scope, Send
from pilothouse.observe import Metrics

__all__ = ["Lifecycle", "Root", "Server"]

_BACKLOG = 2048
_UNSENT = 128 * 1024
"""Bytes of an answer that wait in the kernel for a client which reads slowly; left to itself it takes in 4 MB each."""


class Lifecycle(Protocol):
    """What a server asks of the platform that it serves. `wind_down` ends what goes on beside the requests of clients,
    while those may still end. `unready` says why it should get no traffic, or None; `detail` what people should know
    though it is ready."""

    async def start(self) -> None: ...

    async def wind_down(self) -> None: ...

    async def stop(self) -> None: ...

    def unready(self) -> str | None: ...

    def detail(self) -> str | None: ...


class Root:
    """Sends each request to the room that answers it. The hot paths come first and never meet FastAPI."""

    def __init__(self, lifecycle: Lifecycle, endpoints: Endpoints, metrics: Metrics, management: FastAPI) -> None:
        self.lifecycle = lifecycle
        self._endpoints = endpoints
        self._metrics = metrics
        self._management = management

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"]
            if path.startswith(("/v1/", "/providers/")) and path not in OTLP:
                await self._endpoints(scope, receive, send)
            elif path in ("/healthz", "/readyz", "/metrics"):
                await self._probe(path, Exchange(scope, receive, send))
            else:
                await self._management(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _probe(self, path: str, exchange: Exchange) -> None:
        if path == "/metrics":
            await exchange.text(await asyncio.to_thread(self._metrics.render), b"text/plain; version=0.0.4")
        elif path == "/healthz":
            await exchange.text(b"ok\n", b"text/plain")
        else:
            problem = await asyncio.to_thread(self.lifecycle.unready)
            said = problem or "\n".join(filter(None, ("ready", self.lifecycle.detail())))
            await exchange.text(said.encode() + b"\n", b"text/plain", 503 if problem else 200)


class _Uvicorn(uvicorn.Server):
    """uvicorn, whose own way with SIGTERM is to raise it again after serving, which would end the process before the
    platform is closed. `wind_down` has the same time as the running requests, not its own after theirs."""

    def __init__(self, config: uvicorn.Config, wind_down: Callable[[], Coroutine[None, None, None]]) -> None:
        super().__init__(config)
        self._wind_down = wind_down

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        winding_down = asyncio.create_task(self._wind_down())
        try:
            await super().shutdown(sockets)
        finally:
            await winding_down

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class Server:
    """uvicorn on one listening socket. `address` is known before it runs, also for port 0.

    With `own`, a port (0 takes a free one), it is one of several processes that share the first port, among which the
    kernel spreads connections; at its own port this one alone can be asked.
    """

    def __init__(self, root: Root, host: str, port: int, grace: float, *, own: int | None = None) -> None:
        self._sockets = [_listening(host, port, shared=own is not None)]
        if own is not None:
            self._sockets.append(_listening(host, own))
        shown = f"[{host}]" if ":" in host else host
        self.address = f"http://{shown}:{self._sockets[0].getsockname()[1]}"
        self._lifecycle = root.lifecycle
        self._started = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None
        self._uvicorn = _Uvicorn(
            uvicorn.Config(
                root,
                http=Connection,
                ws="none",
                lifespan="off",
                access_log=False,
                proxy_headers=False,
                log_level="warning",
                server_header=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=round(grace),
            ),
            root.lifecycle.wind_down,
        )

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then let running calls end within the grace. For a process of its own."""
        with asyncio.Runner(loop_factory=self._uvicorn.config.get_loop_factory()) as runner:
            runner.run(self.serve(started=_spare_the_collector))

    async def serve(self, started: Callable[[], None] = lambda: None) -> None:
        """Start the platform, call `started`, serve on the current loop until told to stop, stop the platform."""
        try:
            await self._lifecycle.start()
            started()
            self._started.set()  # the socket listens already: who connects now waits in its backlog
            await self._uvicorn.serve(sockets=self._sockets)
        finally:
            for listening in self._sockets:
                listening.close()
            await self._lifecycle.stop()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Serve on the current loop for as long as the block runs; gives the address."""
        self._serving = asyncio.create_task(self.serve())
        waiting = asyncio.create_task(self._started.wait())
        await asyncio.wait([waiting, self._serving], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        try:
            if not self._serving.done():
                yield self.address
        finally:
            self._uvicorn.should_exit = True
            await self._serving

    async def stopped(self) -> None:
        """Wait until the running server has been told to stop, by a signal."""
        if self._serving is not None:
            await asyncio.shield(self._serving)


def _listening(host: str, port: int, *, shared: bool = False) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        made = socket.create_server((host, port), family=family, backlog=_BACKLOG, reuse_port=shared)
        # Connections inherit it. asyncio sets it only where the listening socket names its protocol, and without it
        # an answer of several small writes waits 40 ms for the client's delayed acknowledgement.
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT)
    except OSError as error:
        raise ConfigError(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another with --port.") from None
    return made


def _spare_the_collector() -> None:
    """Take what lives as long as the process out of the garbage collector's rounds, and make the rounds rarer.

    Half a million objects of imported modules were searched again and again: 20 % of the CPU time of a request
    (benchmarks/gateway, 275 us without, 215 us with this).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5000, 20, 50)
    # The loop would note every generator in a weak set, to close those left at its end. The path closes its own.
    sys.set_asyncgen_hooks(firstiter=None)
