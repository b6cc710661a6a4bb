"""Spans come in by every way while the machine misbehaves: what was acknowledged is kept, whole, and counts once.

One server sees the database locked, the disk full and the clock jump, another process writes beside it and forks, and
both are killed. All that was sent is sent again, and what is summed up equals what the spans make anew.
"""

import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Table, delete, select

from pilothouse.ids import new_id, now_us
from pilothouse.observe.sums.summaries import absorb, states_of
from pilothouse.settings import Settings
from pilothouse.stats.histogram import unpack
from pilothouse.storage import Store, open_store
from pilothouse.storage.database import writing
from pilothouse.storage.tables import rollups, score_rollups, scores, spans, traces

from .running import Up, running, until

WAYS = ("otlp", "spans", "langfuse")
CHAT = {"model": "builtin/echo", "messages": [{"role": "user", "content": "asked"}]}
CLOCK = """
import os, time
real = time.time_ns
def jumping():
    try:
        with open(os.environ.get("PILOTHOUSE_TEST_CLOCK", "")) as file:
            return real() + int(float(file.read() or 0) * 1e9)
    except OSError:
        return real()
time.time_ns = jumping
time.time = lambda: jumping() / 1e9
"""
BESIDE = """
import os, signal, sys
from pilothouse import configure, flush, score_current_trace, span
configure(home=sys.argv[1])
def work(name):
    with span(name, kind="llm", input="asked") as s:
        s.update(output="said", usage={"input_tokens": 10, "output_tokens": 2}, model="m")
        score_current_trace("good", 1.0)
    if flush():  # what is not acknowledged is not printed
        print(s.trace_id, flush=True)
work("parent")
child = os.fork()
work("child" if not child else "after the fork")
if child:
    os.waitpid(child, 0)
os.kill(os.getpid(), signal.SIGKILL)
"""


class Sender:
    """Remembers what it sent, and which traces were acknowledged."""

    def __init__(self, up: Up) -> None:
        self.up = up
        self.sent: list[tuple[str, str, Any]] = []
        self.acknowledged: set[str] = set()
        self.chats: set[str] = set()

    def send(self, way: str) -> int:
        trace = new_id()
        self.sent.append((way, trace, BODIES[way](trace)))
        return self.again(*self.sent[-1])

    def again(self, way: str, trace: str, body: Any) -> int:
        media = "application/msgpack" if way == "spans" else "application/json"
        path = {"otlp": "/v1/traces", "spans": "/api/spans", "langfuse": "/api/public/ingestion"}[way]
        answer = self.up.ask("POST", path, body, content_type=media)
        if answer.status in (200, 207):
            refused = [answer.json.get(name) for name in ("errors", "rejected", "partialSuccess")]
            assert not any(refused), answer.raw
            self.acknowledged.add(trace)
        return answer.status

    def every_way(self) -> list[int]:
        return [self.send(way) for way in WAYS]

    def chat(self) -> None:
        answer = self.up.ask("POST", "/v1/chat/completions", CHAT)
        assert answer.status == 200, answer.raw
        self.chats.add(answer.headers["x-pilothouse-trace-id"])


def otlp(trace: str) -> Any:
    now = now_us() * 1000
    told = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.prompt": "asked"}
    attributes: list[Any] = [{"key": key, "value": {"stringValue": value}} for key, value in told.items()]
    attributes.append({"key": "gen_ai.usage.input_tokens", "value": {"intValue": "10"}})
    attributes.append({"key": "langfuse.observation.input", "value": {"stringValue": "asked"}})
    span = {"traceId": trace, "spanId": "00000000000000a1", "name": "step", "attributes": attributes}
    span |= {"startTimeUnixNano": str(now), "endTimeUnixNano": str(now + 5_000_000)}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


def packed(trace: str) -> bytes:
    now = now_us()
    span: dict[str, Any] = {
        "trace_id": trace,
        "id": "00000000000000a1",
        "project_id": "default",
        "name": "step",
        "kind": "llm",
    }
    span |= {"start_us": now, "end_us": now + 5000, "input": {"value": "asked"}, "request_model": "m"}
    span |= {"usage": {"input_tokens": 10, "output_tokens": 2}, "status": "ok"}
    return msgspec.msgpack.encode([span])


def batch(trace: str) -> Any:
    at = "2026-11-27T10:00:00.000Z"
    call = {"id": f"{trace}-call", "traceId": trace, "name": "step", "model": "m", "input": "asked", "startTime": at}
    judged = {"id": f"{trace}-score", "traceId": trace, "name": "good", "value": 1}
    told = [("generation-create", call | {"usage": {"input": 10, "output": 2}}), ("score-create", judged)]
    return {"batch": [{"id": new_id(), "type": kind, "timestamp": at, "body": body} for kind, body in told]}


BODIES: dict[str, Any] = {"otlp": otlp, "spans": packed, "langfuse": batch}


@contextmanager
def locked(home: Path) -> Iterator[None]:
    with sqlite3.connect(home / "observe.db", isolation_level=None) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
    connection.close()


@contextmanager
def full_disk(up: Up, home: Path) -> Iterator[None]:
    """No file can be written any further."""
    before = resource.prlimit(up.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(up.process.pid, resource.RLIMIT_FSIZE, (0, before[1]))
    yield
    resource.prlimit(up.process.pid, resource.RLIMIT_FSIZE, before)


def rows(store: Store, table: Table) -> list[tuple[Any, ...]]:
    with store.observe.connect() as connection:
        found = connection.execute(select(table).order_by(*table.primary_key)).all()
    return [tuple(unpack(value) if isinstance(value, bytes) else value for value in row) for row in found]


def make_anew(store: Store) -> None:
    """The traces and rollups, from the spans and scores alone."""
    with writing(store.observe) as connection:
        for table in (traces, rollups, score_rollups):
            connection.execute(delete(table))
        days = {(row.project_id, row.trace_id): row.day for row in connection.execute(select(spans))}
        states = states_of(connection, days)
        absorb(connection, {key: list(state.facts.values()) for key, state in states.items()}, {}, days)


def check(home: Path, sender: Sender, beside: set[str]) -> None:
    store = open_store(Settings(home=home))
    try:
        with store.observe.connect() as connection:
            kept = list(connection.execute(select(spans.c.trace_id)).scalars())
        told = [*(trace for _, trace, _ in sender.sent), *beside]
        assert sorted(trace for trace in kept if trace not in sender.chats) == sorted(told)
        assert sender.chats <= set(kept)
        with store.observe.connect() as connection:
            days = set(connection.execute(select(spans.c.payload_day)).scalars())
            found = [row for day in days for row in store.payloads.read(connection, day, "default", told)]
        assert {trace for trace, _, _ in found} == set(told)
        assert len(rows(store, scores)) == len([way for way, _, _ in sender.sent if way == "langfuse"]) + len(beside)
        summed = {table: rows(store, table) for table in (traces, rollups, score_rollups)}
        make_anew(store)
        for table, before in summed.items():
            assert rows(store, table) == before, table.name
    finally:
        store.close()


def test_what_was_acknowledged_is_kept_whole_and_counts_once(
    tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, clock = tmp_path / "home", tmp_path / "clock"
    (tmp_path / "sitecustomize.py").write_text(CLOCK)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    settings: dict[str, str | None] = {"test_clock": str(clock)}
    with running(home, models_dir, None, **settings) as up:
        sender = Sender(up)
        assert sender.every_way() == [200, 200, 207]
        sender.chat()
        with full_disk(up, home):
            assert sender.every_way() == [503, 503, 503]
        assert sender.every_way() == [200, 200, 207]
        for jump in (2 * 86_400, -86_400):  # seconds
            clock.write_text(str(jump))
            assert sender.every_way() == [200, 200, 207]
            assert [sender.again(*one) for one in sender.sent[:3]] == [200, 200, 207]
            sender.chat()
        clock.unlink()
        beside = write_beside(home)
        sender.chat()
        with locked(home):
            sender.chat()
        up.process.kill()

    known = set(sender.acknowledged)
    with running(home, models_dir, None, **settings) as up:
        sender.up = up
        until(lambda: known | beside | sender.chats <= kept_traces(home))
        assert {sender.again(*one) // 100 for one in sender.sent} == {2}
    check(home, sender, beside)


def kept_traces(home: Path) -> set[str]:
    with sqlite3.connect(home / "observe.db") as connection:
        return {row[0] for row in connection.execute("SELECT trace_id FROM spans")}


def write_beside(home: Path) -> set[str]:
    """What another process, and one that it forked, wrote to this home and saw taken, before both were killed."""
    done = subprocess.run([sys.executable, "-c", BESIDE, str(home)], capture_output=True, text=True, timeout=60)
    assert done.returncode == -9, done.stderr
    found = set(done.stdout.split())
    assert len(found) == 3, done.stderr
    return found
