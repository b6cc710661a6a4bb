"""An upstream that answers exact bytes, for what no well-behaved wire server would say."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web


@dataclass
class Upstream:
    """Answers every request the same way; `peers` are the client's ports, one per request."""

    url: str
    body: bytes = b""
    content_type: str = "text/event-stream"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    peers: list[int] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        assert request.transport is not None
        self.peers.append(request.transport.get_extra_info("peername")[1])
        self.paths.append(request.raw_path)
        headers = {"content-type": self.content_type, **self.headers}
        response = web.StreamResponse(status=self.status, headers=headers)
        await response.prepare(request)
        await response.write(self.body)
        return response

    def sse(self, *events: str) -> None:
        self.body = "".join(f"data: {event}\n\n" for event in events).encode()

    def json(self, body: str, status: int = 200) -> None:
        self.body, self.content_type, self.status = body.encode(), "application/json", status


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    app = web.Application()
    served = Upstream("")
    app.router.add_route("*", "/{path:.*}", served.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    served.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield served
    await runner.cleanup()
