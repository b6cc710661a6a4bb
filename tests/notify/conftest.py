"""Servers on loopback that take messages: one of HTTP, one of SMTP; and a clock that stands still."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import pytest_asyncio

from pilothouse.ids import now_us
from pilothouse.notify.message import Message


class Clock:
    """UTC microseconds; moves when it is told to."""

    def __init__(self) -> None:
        self.now = now_us()

    def __call__(self) -> int:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += int(seconds * 1e6)


@dataclass
class Web:
    """What came, and what is to be answered: the next status of `answers`, else 200."""

    url: str = ""
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)


@dataclass
class Mail:
    """What came over SMTP: sender, recipients, and the text. `refuse` is an answer to RCPT in place of 250."""

    port: int = 0
    came: list[tuple[str, list[str], str]] = field(default_factory=list)
    refuse: str | None = None
    logins: list[str] = field(default_factory=list)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def web() -> Iterator[Web]:
    seen = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            seen.came.append(({name.lower(): value for name, value in self.headers.items()}, body))
            status, headers, said = seen.answers.pop(0) if seen.answers else (200, {}, b"ok")
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        seen.url = f"http://127.0.0.1:{server.server_port}/hook"
        yield seen
        server.shutdown()
        thread.join()


@pytest_asyncio.fixture
async def smtp() -> AsyncIterator[Mail]:
    """A server that speaks as much of RFC 5321 as a client of the standard library asks for."""
    seen = Mail()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender, recipients = "", list[str]()
        writer.write(b"220 test\r\n")
        while line := (await reader.readline()).decode():
            verb, argument = line[:4].upper(), line.partition(":")[2].partition(">")[0].strip(" <\r\n")
            answer = "250 ok"
            if verb == "EHLO":
                answer = "250-test\r\n250 8BITMIME"
            elif verb == "MAIL":
                sender = argument
            elif verb == "RCPT":
                recipients.append(argument)
                answer = seen.refuse or answer
            elif verb == "DATA":
                writer.write(b"354 go on\r\n")
                text = await reader.readuntil(b"\r\n.\r\n")
                seen.came.append((sender, recipients, text.decode()))
                recipients = []
            elif verb == "QUIT":
                writer.write(b"221 bye\r\n")
                break
            writer.write(f"{answer}\r\n".encode())
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    seen.port = server.sockets[0].getsockname()[1]
    yield seen
    server.close()
    await server.wait_closed()


@pytest.fixture
def message() -> Message:
    return Message(
        event="alert.fired", about="alert-1", title="errors: <gpt>", text="31 of 100 failed & more <!channel>.",
        at_us=1_790_000_000_000_000, project_id="default", severity="critical",
        link="https://ph.example.com/console/traces?status=error", data={"rule": "errors", "value": 0.31},
    )  # fmt: skip
