"""kill -9 while traces come in over OTLP: what was acknowledged is in the database, and sent again it counts once."""

import sqlite3
import threading
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

from pilothouse.ids import new_id, now_us
from pilothouse.observe import Drainer
from pilothouse.settings import Settings
from pilothouse.storage import Spool, open_store

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
                acknowledged.append(trace_of(body))
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


def test_one_of_two_that_write_to_one_postgres_is_killed(tmp_path: Path, models_dir: Path, postgres_url: str) -> None:
    """What it acknowledged is there, what lies in its spool comes in later, and all that is sent again counts once."""
    sent, acknowledged, enough = list[dict[str, Any]](), list[str](), threading.Event()
    homes = [tmp_path / name / "home" for name in ("one", "two")]
    with running(homes[0], models_dir, database_url=postgres_url) as other:
        with running(homes[1], models_dir, database_url=postgres_url) as up:
            given = (up, sent, acknowledged, enough)
            senders = [threading.Thread(target=send_until_killed, args=given) for _ in range(2)]
            for sender in senders:
                sender.start()
            while not enough.is_set() and any(sender.is_alive() for sender in senders):  # the same traces, told to both
                other.post("/v1/traces", sent[-1] if sent else request(new_id()))
            assert enough.is_set()
            up.process.kill()
            for sender in senders:
                sender.join(60)
        told = {trace_of(body) for body in sent}
        counts = spans_by_trace(other)
        assert {trace: counts.get(trace) for trace in acknowledged} == dict.fromkeys(acknowledged, SPANS)
        for body in sent:
            other.post("/v1/traces", body)
        store = open_store(Settings(home=homes[1], database_url=postgres_url))
        spool = Spool.open(homes[1], 1 << 26)
        drainer = Drainer(spool, store, homes[1])
        drainer.take_over()
        drainer.stop()
        spool.close()
        store.close()
        counts = spans_by_trace(other)
        assert told <= counts.keys()
        assert set(counts.values()) == {SPANS}


def trace_of(body: dict[str, Any]) -> str:
    return str(body["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"])


def spans_by_trace(up: Up) -> dict[str, int]:
    """As the server's lists tell it, which are summed up as spans come."""
    found, place = dict[str, int](), ""
    while True:
        page = up.get(f"/api/traces?limit=500{place}")
        found |= {row["trace_id"]: row["totals"]["spans"] for row in page["data"]}
        if page["next"] is None:
            return found
        place = f"&before={page['next']}"
