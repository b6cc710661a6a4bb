"""A server on loopback that takes spans and scores and remembers them, and a tracer that sends to it."""

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest

from pilothouse.tracing import Tracer


class Collector:
    """`spans` and `scores` as they arrived; the next answers are what `answers` says, then 200."""

    def __init__(self, tracer: Tracer) -> None:
        self.tracer = tracer
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.answers: list[int] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status = collector.answers.pop(0) if collector.answers else 200
                if status == 200:
                    if self.headers.get("content-encoding") == "gzip":
                        body = gzip.decompress(body)
                    packed = self.headers["content-type"] == "application/msgpack"
                    read = msgspec.msgpack.decode(body) if packed else msgspec.json.decode(body)
                    collector.requests.append((self.path, dict(self.headers), read))
                self.send_response(status)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def spans(self) -> list[dict[str, Any]]:
        self.tracer.flush()
        return [span for path, _, body in self.requests if path == "/api/spans" for span in body]

    @property
    def scores(self) -> list[dict[str, Any]]:
        self.tracer.flush()
        return [score for path, _, body in self.requests if path == "/api/scores" for score in body["scores"]]

    def span(self, name: str) -> dict[str, Any]:
        return next(span for span in self.spans if span["name"] == name)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def collector(tracer: Tracer) -> Iterator[Collector]:
    """The tracer of this process sends to it."""
    made = Collector(tracer)
    tracer.configure(url=made.url, api_key="ph-test", sample_rate=1.0, enabled=True, mask=None, environment=None)
    yield made
    made.close()
