"""Another process holds the lock of the database for longer than anybody waits: each way in says so, and loses nothing.

Whoever reads, or calls a model, does not notice. What was put off comes again and counts once, as does what was taken.
"""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pilothouse.ids import new_id, now_us

from .running import Answer, Up, running, until

IMPATIENT = """
import sqlite3
connect = sqlite3.dbapi2.connect
def impatient(*given, **named):
    return connect(*given, **{**named, "timeout": min(named.get("timeout", 5.0), 0.2)})
sqlite3.connect = sqlite3.dbapi2.connect = impatient
"""
HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""
SPAN = "00000000000000a1"
WAYS = ("/v1/traces", "/api/public/otel/v1/traces", "/v1/logs", "/api/spans", "/api/public/ingestion")
SCORES = ("/api/scores", "/api/public/scores")
CHAT = {"model": "builtin/echo", "messages": [{"role": "user", "content": "asked"}]}


def body(path: str, trace: str) -> Any:
    """One span, or of logs a step and a score, or a score."""
    now = now_us()
    if path == "/api/scores":
        return {"id": f"score-{trace}", "trace_id": trace, "name": "good", "value": 1}
    if path == "/api/public/scores":
        return [{"id": f"score-{trace}", "traceId": trace, "name": "good", "value": 1}]
    if path == "/api/spans":
        span = {"trace_id": trace, "id": SPAN, "project_id": "", "name": "step", "kind": "llm"}
        return msgspec.msgpack.encode([{**span, "start_us": now, "end_us": now + 5}])
    if path == "/api/public/ingestion":
        told = {"id": trace, "traceId": trace, "name": "step", "startTime": "2026-11-27T10:00:00Z"}
        return {"batch": [{"id": "1", "type": "span-create", "timestamp": "2026-11-27T10:00:00Z", "body": told}]}
    if path == "/v1/logs":
        events: Any = {"gen_ai.user.message": {"content": "Hi"}}
        events["gen_ai.evaluation.result"] = {"gen_ai.evaluation.name": "good", "gen_ai.evaluation.score.label": "yes"}
        records = [
            {"traceId": trace, "spanId": SPAN, "eventName": name, "timeUnixNano": str(now * 1000)}
            | {"attributes": [{"key": key, "value": {"stringValue": value}} for key, value in told.items()]}
            for name, told in events.items()
        ]
        return {"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}
    span = {"traceId": trace, "spanId": SPAN, "name": "step", "startTimeUnixNano": str(now * 1000)}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


@contextmanager
def locked(home: Path) -> Iterator[None]:
    command = [sys.executable, "-c", HOLD, str(home / "observe.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        yield
        other.communicate()
    assert other.returncode == 0


def rows(home: Path) -> tuple[dict[str, int], dict[str, int]]:
    """How many spans and scores there are, by trace."""
    with sqlite3.connect(home / "observe.db") as connection:
        found = [connection.execute(f"SELECT trace_id, count(*) FROM {t} GROUP BY 1") for t in ("spans", "scores")]
        return dict(found[0].fetchall()), dict(found[1].fetchall())


def test_a_database_that_is_locked_for_long(tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    (tmp_path / "sitecustomize.py").write_text(IMPATIENT)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    sent = [(path, new_id()) for path in (*WAYS, *SCORES) for _ in range(3)]
    bodies = {trace: body(path, trace) for path, trace in sent}

    def send(up: Up, path: str, trace: str) -> Answer:
        media = "application/msgpack" if path == "/api/spans" else "application/json"
        return up.ask("POST", path, bodies[trace], content_type=media)

    with running(home, models_dir) as up, ThreadPoolExecutor(len(sent)) as clients:
        with locked(home):
            answers = [clients.submit(send, up, path, trace) for path, trace in sent]
            for _ in range(3):
                assert up.ask("POST", "/v1/chat/completions", CHAT).status == 200
                assert up.ask("GET", "/api/traces").status == 200
            for (path, _), answer in zip(sent, answers, strict=True):
                told = answer.result()
                assert (told.status, int(told.headers["retry-after"]) > 0) == (503, True), (path, told.raw)
                code = told.json["code"] if "v1" in path else told.json["error"]["code"]
                assert code in (14, "storage_unavailable", "overloaded"), told.raw  # 14: UNAVAILABLE
        for path, trace in sent * 2:
            told = until(
                lambda path=path, trace=trace: again if (again := send(up, path, trace)).status != 503 else None
            )
            assert told.status in (200, 202, 207), (path, told.raw)
            assert not any(told.json.get(name) for name in ("errors", "rejected", "partialSuccess")), told.raw
        spans, scores = rows(home)
        for path, trace in sent:
            expected = (int(path in WAYS), int(path in SCORES or path == "/v1/logs"))
            assert (spans.get(trace, 0), scores.get(trace, 0)) == expected, path
        assert len(up.get("/api/traces?limit=200")["data"]) == len([p for p, _ in sent if p in WAYS]) + 3
