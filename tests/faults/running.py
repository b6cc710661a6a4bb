"""`pilothouse up` as a process of its own, and what its clients see of it over plain HTTP."""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

MASTER = "ph-of-the-faults"
PATIENCE = 20.0  # seconds, until something that another process does in its own time has surely happened


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def events(self) -> list[Any]:
        """The events of a stream; the last may be "[DONE]"."""
        lines = [line[6:] for line in self.raw.decode().splitlines() if line.startswith("data: ")]
        return [line if line == "[DONE]" else json.loads(line) for line in lines]

    @property
    def text(self) -> str:
        """What the model said, in a stream or at once."""
        if not self.headers["content-type"].startswith("text/event-stream"):
            return str(self.json["choices"][0]["message"]["content"])
        chosen = [choice for e in self.events if isinstance(e, dict) for choice in e.get("choices") or ()]
        return "".join(choice["delta"].get("content") or "" for choice in chosen).strip()


@dataclass
class Up:
    """A running server. `key` is the secret that its calls are made with, `folder` where its configuration lies."""

    process: "subprocess.Popen[str]"
    address: str
    folder: Path
    key: str = MASTER
    pieces: list[bytes] = field(default_factory=list)

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=60)

    def ask(self, method: str, path: str, body: Any = None, *, key: str | None = None, **headers: str) -> Answer:
        connection = self.connect()
        try:
            return self.send(connection, method, path, body, key=key, **headers)
        finally:
            connection.close()

    def send(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: Any = None,
        *, key: str | None = None, **headers: str,
    ) -> Answer:  # fmt: skip
        self.begin(connection, method, path, body, key=key, **headers)
        response = connection.getresponse()
        try:
            raw = response.read()
        except http.client.IncompleteRead as cut:
            raw = cut.partial
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, raw)

    def begin(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: Any = None,
        *, key: str | None = None, **headers: str,
    ) -> None:  # fmt: skip
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        known = {"authorization": f"Bearer {key or self.key}", "content-type": "application/json"}
        connection.request(method, path, data, known | {n.replace("_", "-"): v for n, v in headers.items()})

    def chat(self, model: str, *, key: str | None = None, stream: bool = False, **more: Any) -> Answer:
        return self.ask("POST", "/v1/chat/completions", chat_body(model, stream, **more), key=key)

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path, key=MASTER)
        assert answer.status == 200, answer.raw
        return answer.json

    def post(self, path: str, body: Any) -> Any:
        answer = self.ask("POST", path, body, key=MASTER)
        assert answer.status < 300, answer.raw
        return answer.json

    def new_key(self, name: str, **settings: Any) -> tuple[str, str]:
        """(secret, id)"""
        made = self.post("/api/keys", {"name": name, **settings})
        return made["secret"], made["key"]["id"]

    def entries(self, key_id: str, count: int) -> list[Any]:
        """The ledger's entries of a key, once there are as many."""
        path = f"/api/ledger?account=key:{key_id}"
        found: list[Any] = until(lambda: rows if len(rows := self.get(path)["data"]) >= count else None)
        assert len(found) == count, found
        return found

    def budget(self, key_id: str) -> Any:
        return next(row for row in self.get("/api/budgets") if row["account"] == f"key:{key_id}")

    def metric(self, name: str) -> float:
        lines = self.ask("GET", "/metrics").raw.decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.split("{")[0].split(" ")[0] == name)


def chat_body(model: str, stream: bool = False, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "hello"}], "stream": stream, **more}


def until(look: Callable[[], Any]) -> Any:
    """What `look` gives once that is something. Other processes take their time, so it looks again and again."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = look()
        if found:
            return found
    raise AssertionError(f"nothing came within {PATIENCE} s")


def environment(models: Path, **settings: str | None) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PILOTHOUSE_")}
    env |= {"PILOTHOUSE_MASTER_KEY": MASTER, "PILOTHOUSE_MODELS": str(models), "PYTHONUNBUFFERED": "1"}
    return env | {f"PILOTHOUSE_{name.upper()}": value for name, value in settings.items() if value is not None}


@contextmanager
def running(
    home: Path, models: Path, config: Any = None, options: Sequence[str] = (), **settings: str | None
) -> Iterator[Up]:
    """A server on this home while the block runs; it must end in order, unless the block killed it."""
    folder = home.parent
    folder.mkdir(parents=True, exist_ok=True)
    if config is not None:
        (folder / "pilothouse.yaml").write_text(json.dumps(config))
    command = [sys.executable, "-m", "pilothouse", "--home", str(home), "up", "--port", "0", *options]
    log = folder / f"{home.name}-{time.monotonic_ns()}.log"
    with log.open("w") as errors, subprocess.Popen(
        command, env=environment(models, **settings), cwd=folder, text=True, stdout=subprocess.PIPE, stderr=errors
    ) as process:  # fmt: skip
        assert process.stdout is not None
        first = process.stdout.readline()
        assert "is up at" in first, log.read_text()
        try:
            yield Up(process, first.rsplit(" ", 1)[-1].strip(), folder)
        finally:
            if process.poll() is None:
                process.terminate()
            process.communicate(timeout=60)
    assert process.returncode in (0, -9), log.read_text()
    assert "Traceback" not in log.read_text(), log.read_text()
