"""A client that reads nothing, over real sockets: little waits for it, its upstream is held up, and the time limit of a
call ends it."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pilothouse.app import Platform, build
from pilothouse.gateway import endpoints
from pilothouse.gateway.connection import Connection
from pilothouse.settings import Settings

from .front import HELLO

FIRST = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
DELTA = {"index": 0, "delta": {"content": "x" * 4000}, "finish_reason": None}
EVENT = b"data: " + json.dumps({"id": "c", "object": "chat.completion.chunk", "choices": [DELTA]}).encode() + b"\n\n"
HELD_UP = 0.3  # seconds in which nobody takes anything
MOST = 3 * 1024 * 1024
"""Bytes that an upstream gets rid of: what the kernel takes on both of its sockets, and what the gateway holds."""


@dataclass
class Endless:
    """An upstream that writes as long as somebody reads."""

    written: int = 0
    held_up: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(FIRST)
        try:
            while True:
                writer.write(EVENT)
                self.written += len(EVENT)
                draining = asyncio.ensure_future(writer.drain())
                done, _ = await asyncio.wait([draining], timeout=HELD_UP)
                if not done:
                    self.held_up.set()
                await draining
        except ConnectionError:
            self.gone.set()
        finally:
            writer.close()


@dataclass
class Flooded:
    platform: Platform
    upstream: Endless
    port: int

    async def ask(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A client that has asked, and takes in little by itself."""
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", self.port))
        reader, writer = await asyncio.open_connection(sock=client, limit=4096)
        body = json.dumps({"model": "m", "messages": HELLO, "stream": True}).encode()
        head = f"authorization: Bearer {self.platform.keys.in_process()}\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n" + head.encode() + body)
        return reader, writer


@pytest.fixture
async def flooded(tmp_path: Path, models_dir: Path, request: pytest.FixtureRequest) -> AsyncIterator[Flooded]:
    upstream, listening = Endless(), socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)  # so that little waits there
    config = tmp_path / "pilothouse.yaml"
    provider = {"kind": "openai", "base_url": f"http://127.0.0.1:{listening.getsockname()[1]}/v1", "api_key": "k"}
    models = {"m": {"deployments": [{"provider": "endless", "model": "m"}]}}
    config.write_text(json.dumps({"providers": {"endless": provider}, "models": models}))
    limit = getattr(request, "param", 60.0)
    settings = Settings(home=tmp_path / "home", config=config, models=models_dir, request_timeout=limit)
    async with await asyncio.start_server(upstream.serve, sock=listening):
        with build(settings) as platform:
            async with platform.server("127.0.0.1", 0).running() as address:
                yield Flooded(platform, upstream, int(address.rpartition(":")[2]))


async def test_a_client_that_reads_nothing_holds_up_its_upstream(flooded: Flooded) -> None:
    _, writer = await flooded.ask()
    await asyncio.wait_for(flooded.upstream.held_up.wait(), 20)
    assert flooded.upstream.written < MOST
    assert not flooded.upstream.gone.is_set()
    writer.transport.abort()
    await asyncio.wait_for(flooded.upstream.gone.wait(), 30)


@pytest.mark.parametrize("flooded", [1.0], indirect=True)
async def test_a_client_that_reads_nothing_is_cut_off_at_the_time_limit(
    flooded: Flooded, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lost, connection_lost = asyncio.Event(), Connection.connection_lost

    def heard(connection: Connection, error: Exception | None) -> None:
        connection_lost(connection, error)
        lost.set()

    monkeypatch.setattr(endpoints, "LAST_WORD", 0.05)
    monkeypatch.setattr(Connection, "connection_lost", heard)
    _, writer = await flooded.ask()
    await asyncio.wait_for(lost.wait(), 20)  # though nothing of what was written for it has been read
    await asyncio.wait_for(flooded.upstream.gone.wait(), 30)
    writer.transport.abort()
    assert not caplog.records
