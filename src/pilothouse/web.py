"""The platform as one ASGI application behind one port: `/v1` raw, everything else by FastAPI, and its server."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

import uvicorn
from fastapi import FastAPI

from pilothouse.errors import ConfigError
from pilothouse.gateway.http import Exchange, Receive, Scope, Send

if TYPE_CHECKING:
    from pilothouse.app import Platform

__all__ = ["Root", "Server"]

_BACKLOG = 2048


class Root:
    """Sends each request to the room that answers it. The hot paths come first and never meet FastAPI."""

    def __init__(self, platform: "Platform", management: FastAPI) -> None:
        self._platform = platform
        self._endpoints = platform.endpoints
        self._management = management

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"]
            if path.startswith("/v1/"):
                await self._endpoints(scope, receive, send)
            elif path in ("/healthz", "/readyz", "/metrics"):
                await self._probe(path, Exchange(scope, receive, send))
            else:
                await self._management(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _probe(self, path: str, exchange: Exchange) -> None:
        if path == "/metrics":
            await exchange.text(await asyncio.to_thread(self._platform.metrics.render), b"text/plain; version=0.0.4")
        elif path == "/healthz":
            await exchange.text(b"ok\n", b"text/plain")
        else:
            problem = await asyncio.to_thread(self._platform.unready)
            await exchange.text((problem or "ready").encode() + b"\n", b"text/plain", 503 if problem else 200)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._platform.start()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._platform.stop()
        await send({"type": "lifespan.shutdown.complete"})


class Server:
    """uvicorn on one listening socket. `address` is known before it runs, also for port 0."""

    def __init__(self, app: Callable[..., Awaitable[Any]], host: str, port: int, grace: float) -> None:
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self._socket = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        except OSError as error:
            raise ConfigError(
                f"Cannot listen on {host}:{port}: {error.strerror}. Choose another with --port."
            ) from None
        shown = f"[{host}]" if ":" in host else host
        self.address = f"http://{shown}:{self._socket.getsockname()[1]}"
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                app,
                loop="auto",
                http="httptools",
                ws="none",
                lifespan="on",
                access_log=False,
                log_level="warning",
                server_header=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=round(grace),
            )
        )

    def run(self) -> bool:
        """Serve until SIGTERM or SIGINT, then let running calls end within the grace. False when it never started."""
        self._uvicorn.run(sockets=[self._socket])
        return self._uvicorn.started

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Serve on the current loop for as long as the block runs; gives the address."""
        task = asyncio.create_task(self._uvicorn.serve(sockets=[self._socket]))
        while not self._uvicorn.started:
            await asyncio.sleep(0.01)
            if task.done():
                await task
                raise ConfigError("The server did not start.")
        try:
            yield self.address
        finally:
            self._uvicorn.should_exit = True
            await task
