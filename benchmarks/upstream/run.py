#!/usr/bin/env python3
"""CPU per upstream call: the house's HTTP/1.1 client beside aiohttp and beside a bare protocol, in one run.

    python benchmarks/upstream/run.py            (needs gcc, for the C upstream of benchmarks/gateway)

Sixteen workers in one process; the same request and answer for all; rounds interleaved, medians of seven.
"""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import httptools
import uvloop
from yarl import URL

from pilothouse.providers.http1 import Client

PORT, CALLS, WORKERS, ROUNDS = 19777, 4000, 16, 7
URL_ = URL(f"http://127.0.0.1:{PORT}/v1/chat/completions")
HEADERS = {"content-type": "application/json", "authorization": "Bearer sk-bench"}
BODY = (
    b'{"model":"gpt-mock","messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user",'
    b'"content":"Say something about foxes."}],"temperature":0.2,"max_tokens":64}'
)
Ask = Callable[[], Awaitable[bytes]]


async def repeat(ask: Ask) -> None:
    async def work() -> None:
        for _ in range(CALLS // WORKERS):
            assert b"choices" in await ask()

    await asyncio.gather(*(work() for _ in range(WORKERS)))


async def with_aiohttp() -> None:
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=300)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:

        async def ask() -> bytes:
            async with session.post(URL_, data=BODY, headers=HEADERS, timeout=timeout) as response:
                return await response.read()

        await repeat(ask)


async def with_ours() -> None:
    client = Client()

    async def ask() -> bytes:
        response = await client.request("POST", URL_, HEADERS, BODY, connect_timeout=5, read_timeout=300)
        whole = b"".join([piece async for piece in response])
        response.release()
        return whole

    await repeat(ask)
    await client.aclose()


class Bare(asyncio.Protocol):
    """No timeouts, no pool, no errors: the least that a call can cost with this parser."""

    transport: Any
    answer: asyncio.Future[bytes]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.parts.append(body)

    def on_message_complete(self) -> None:
        self.answer.set_result(b"".join(self.parts))

    def ask(self, data: bytes) -> asyncio.Future[bytes]:
        self.parser, self.parts = httptools.HttpResponseParser(self), list[bytes]()
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(data)
        return self.answer


async def with_bare() -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    head = f"POST {URL_.raw_path} HTTP/1.1\r\nhost: 127.0.0.1:{PORT}\r\n{lines}content-length: {len(BODY)}\r\n\r\n"
    loop, idle = asyncio.get_running_loop(), list[Bare]()

    async def ask() -> bytes:
        bare = idle.pop() if idle else (await loop.create_connection(Bare, "127.0.0.1", PORT))[1]
        answer = await bare.ask(head.encode() + BODY)
        idle.append(bare)
        return answer

    await repeat(ask)
    for bare in idle:
        bare.transport.close()


def main() -> None:
    source = Path(__file__).parents[1] / "gateway" / "mock_upstream.c"
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "mock"
        subprocess.run(["gcc", "-O2", "-o", program, source], check=True)
        with subprocess.Popen([program, str(PORT)]) as upstream, suppress(KeyboardInterrupt):
            time.sleep(0.3)
            measured: dict[str, list[float]] = {"bare protocol": [], "ours": [], "aiohttp": []}
            ways = dict(zip(measured, (with_bare, with_ours, with_aiohttp), strict=True))
            for _ in range(ROUNDS):
                for name, way in ways.items():
                    began = time.process_time()
                    uvloop.run(way())
                    measured[name].append((time.process_time() - began) / CALLS * 1e6)
            upstream.kill()
    ours = statistics.median(measured["ours"])
    print(f"Python {sys.version.split()[0]}, {CALLS} calls by {WORKERS} workers, medians of {ROUNDS}\n")
    print("| client | CPU us per call | x ours |\n|---|---|---|")
    for name, values in measured.items():
        print(f"| {name} | {statistics.median(values):.1f} | {statistics.median(values) / ours:.1f} |")


if __name__ == "__main__":
    main()
