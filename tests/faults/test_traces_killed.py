"""kill -9 while traces come in over OTLP: what was acknowledged is in the database, and sent again it counts once."""

import sqlite3
import threading
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

from pilothouse.ids import new_id, now_us

from .running import Up, running

SENDERS, SPANS = 4, 3
ENOUGH = 20  # acknowledged requests, before the server is killed


def request(trace_id: str) -> dict[str, Any]:
    spans = [
        {"traceId": trace_id, "spanId": f"{number:016x}", "name": "step", "startTimeUnixNano": str(now_us() * 1000)}
        for number in range(1, SPANS + 1)
    ]
    return {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}


def kept(home: Path) -> dict[str, int]:
    """Spans by trace, as any process may read them."""
    with sqlite3.connect(home / "observe.db") as connection:
        return dict(connection.execute("SELECT trace_id, count(*) FROM spans GROUP BY trace_id").fetchall())


def send_until_killed(up: Up, sent: list[dict[str, Any]], acknowledged: list[str], enough: threading.Event) -> None:
    with suppress(OSError, HTTPException):
        while True:
            body = request(new_id())
            sent.append(body)
            if up.ask("POST", "/v1/traces", body).status == 200:
                acknowledged.append(body["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"])
            if len(acknowledged) >= ENOUGH:
                enough.set()


def test_what_was_acknowledged_is_kept_and_counts_once(tmp_path: Path, models_dir: Path) -> None:
    home, sent, acknowledged, enough = tmp_path / "home", list[dict[str, Any]](), list[str](), threading.Event()
    with running(home, models_dir) as up:
        given = (up, sent, acknowledged, enough)
        senders = [threading.Thread(target=send_until_killed, args=given) for _ in range(SENDERS)]
        for sender in senders:
            sender.start()
        assert enough.wait(60)
        up.process.kill()
        for sender in senders:
            sender.join(60)
    assert len(acknowledged) >= ENOUGH
    found = kept(home)
    assert {trace: found.get(trace) for trace in acknowledged} == dict.fromkeys(acknowledged, SPANS)

    with running(home, models_dir) as up:
        for body in sent:
            up.post("/v1/traces", body)
        assert list(kept(home).values()) == [SPANS] * len(sent)
        rows = up.get("/api/traces?limit=500")["data"]
        assert len(rows) == len(sent)
        assert {row["totals"]["spans"] for row in rows} == {SPANS}
