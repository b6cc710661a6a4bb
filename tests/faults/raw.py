"""An upstream made of bare sockets: it sends what the model's name says, byte for byte, and breaks off as told.

Speaks as much of OpenAI's wire format as it needs. Runs on threads of its own, so other processes can call it.
"""

import contextlib
import json
import socket
import socketserver
import struct
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

USAGE = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}
CACHED = {**USAGE, "prompt_tokens_details": {"cached_tokens": 800}}
WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight"]


def event(delta: dict[str, Any] | None = None, **more: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": more.pop("finish", None)}]
    body = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices, **more}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


ROLE, STOP, DONE = event({"role": "assistant", "content": ""}), event({}, finish="stop"), b"data: [DONE]\n\n"
SAID = [event({"content": word + " "}) for word in WORDS]


class RawUpstream:
    """`asked` counts requests by model, `most` how many of them ran at once. `arrived(model)` waits for one,
    `gone(model)` until its caller has hung up early; `release` lets answers that wait go on."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.at_once: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.release = threading.Event()
        self._left: dict[str, threading.Semaphore] = defaultdict(lambda: threading.Semaphore(0))
        self._arrived: dict[str, threading.Semaphore] = defaultdict(lambda: threading.Semaphore(0))
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def serving(self) -> Iterator[str]:
        upstream = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError, ValueError):
                    upstream._serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads, request_queue_size, block_on_close = True, 1024, False

        with Server(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            yield f"http://127.0.0.1:{server.server_address[1]}/v1"
            self.release.set()
            server.shutdown()

    def gone(self, model: str) -> bool:
        return self._left[model].acquire(timeout=10)

    def arrived(self, model: str) -> bool:
        return self._arrived[model].acquire(timeout=10)

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection.makefile("rb") as file:
            while (head := file.readline()) != b"":
                length = 0
                while (line := file.readline()) not in (b"\r\n", b""):
                    name, _, value = line.decode().partition(":")
                    length = int(value) if name.lower() == "content-length" else length
                body = json.loads(file.read(length)) if length else {}
                model = str(body.get("model", ""))
                with self._lock:
                    self.asked[model] += 1
                    self.at_once[model] += 1
                    self.most[model] = max(self.most[model], self.at_once[model])
                self._arrived[model].release()
                answer: Callable[..., bool] = getattr(self, "_" + model.partition("-")[0], self._good)
                try:
                    if not answer(connection, body, head.split()[1].decode()):
                        return
                finally:
                    with self._lock:
                        self.at_once[model] -= 1

    # ---- what it does, by the first word of the model; False ends the connection

    def _good(self, connection: socket.socket, body: Any, path: str, usage: Any = USAGE) -> bool:
        if path.endswith("/embeddings"):
            rows = [{"object": "embedding", "index": 0, "embedding": [0.0, 1.0]}]
            read = {"prompt_tokens": 1000, "total_tokens": 1000}
            whole(connection, {"object": "list", "data": rows, "model": "m", "usage": read})
        elif "prompt" in body:
            self._complete(connection, body, usage)
        elif body.get("stream"):
            asked = (body.get("stream_options") or {}).get("include_usage")
            begin(connection)
            connection.sendall(b"".join(map(chunk, [ROLE, *SAID, STOP])))
            connection.sendall(chunk(event(usage=usage)) if usage and asked else b"")
            connection.sendall(chunk(DONE) + b"0\r\n\r\n")
        else:
            message = {"role": "assistant", "content": " ".join(WORDS)}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            answer = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
            whole(connection, {**answer, "usage": usage} if usage else answer)
        return True

    def _odd(self, connection: socket.socket, body: Any, path: str) -> bool:
        """Tool calls that are none, and usage that nobody can have."""
        usage = {"prompt_tokens": -5, "completion_tokens": 10**30}
        part = {"role": "assistant", "content": "x", **({} if body["model"] == "odd-usage" else {"tool_calls": [None]})}
        choice = {"index": 0, "finish_reason": "stop", "delta" if body.get("stream") else "message": part}
        answer = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        if not body.get("stream"):
            whole(connection, {**answer, "usage": usage})
            return True
        begin(connection)
        connection.sendall(chunk(event(part, finish="stop", usage=usage)) + chunk(DONE) + b"0\r\n\r\n")
        return True

    def _complete(self, connection: socket.socket, body: Any, usage: Any) -> None:
        """A legacy text completion."""
        said = {"id": "c", "object": "text_completion", "created": 1, "model": "m"}
        choices = [{"index": 0, "text": "Fine.", "finish_reason": "stop"}]
        if not body.get("stream"):
            whole(connection, {**said, "choices": choices, "usage": usage})
            return
        begin(connection)
        for event_ in ({**said, "choices": choices}, {**said, "choices": [], "usage": usage}):
            connection.sendall(chunk(b"data: " + json.dumps(event_).encode() + b"\n\n"))
        connection.sendall(chunk(DONE) + b"0\r\n\r\n")

    def _cached(self, connection: socket.socket, body: Any, path: str) -> bool:
        return self._good(connection, body, path, CACHED)

    def _silent(self, connection: socket.socket, body: Any, path: str) -> bool:
        """Reports no usage."""
        return self._good(connection, body, path, None)

    def _slow(self, connection: socket.socket, body: Any, path: str) -> bool:
        """Answers once it is released."""
        self.release.wait(30)
        return self._good(connection, body, path)

    def _hang(self, connection: socket.socket, body: Any, path: str) -> bool:
        self._wait_until_left(connection, body["model"])
        return False

    def _status(self, connection: socket.socket, body: Any, path: str) -> bool:
        """`status-529`."""
        code = body["model"].split("-")[1]
        whole(connection, {"error": {"message": f"told to answer {code}", "type": "x", "code": None}}, f"{code} No")
        return True

    def _mute(self, connection: socket.socket, body: Any, path: str) -> bool:
        """Says who speaks, and then no word."""
        begin(connection)
        connection.sendall(chunk(ROLE))
        return False

    def _half(self, connection: socket.socket, body: Any, path: str) -> bool:
        """Ends inside a frame, or inside a JSON body."""
        if not body.get("stream"):
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{")
            return False
        begin(connection)
        connection.sendall(b"".join(map(chunk, [ROLE, *SAID[:4]])) + chunk(SAID[4][:30]))
        return False

    def _reset(self, connection: socket.socket, body: Any, path: str) -> bool:
        """Resets the connection once the client has its first four words."""
        begin(connection)
        connection.sendall(b"".join(map(chunk, [ROLE, *SAID[:4]])))
        self.release.wait(30)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        return False

    def _stall(self, connection: socket.socket, body: Any, path: str) -> bool:
        """Falls silent after four words, or after `stall-<so many>`."""
        told = body["model"].partition("-")[2]
        begin(connection)
        connection.sendall(b"".join(map(chunk, [ROLE, *(SAID * 100)[: int(told) if told.isdigit() else 4]])))
        self._wait_until_left(connection, body["model"])
        return False

    def _wait_until_left(self, connection: socket.socket, model: str) -> None:
        with contextlib.suppress(ConnectionError):
            while connection.recv(4096):
                pass
        self._left[model].release()


def begin(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def whole(connection: socket.socket, body: Any, status: str = "200 OK") -> None:
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    connection.sendall(head.encode() + data)
