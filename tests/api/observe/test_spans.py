"""`/api/spans`, `/api/scores` and `/api/feedback` over a whole platform, and the SDK that speaks to them."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pilothouse.client import Client
from pilothouse.errors import PilothouseError
from pilothouse.sdk import Embedded
from pilothouse.settings import Settings
from pilothouse.storage import open_store
from pilothouse.tracing import Tracer

TRACE, SPAN = "ab" * 16, "cd" * 8


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Embedded]:
    made = Embedded(Settings(home=tmp_path / "home"))
    yield made
    made.close()


def row(**fields: Any) -> dict[str, Any]:
    return {
        "id": SPAN, "trace_id": TRACE, "project_id": "other", "name": "ask", "kind": "llm",
        "start_us": 1_700_000_000_000_000, "end_us": 1_700_000_000_250_000, **fields,
    }  # fmt: skip


def send(platform: Embedded, body: bytes, key: str | None = None, **headers: str) -> tuple[int, Any]:
    import http.client

    connection = http.client.HTTPConnection(platform.address.removeprefix("http://"))
    given = {"authorization": f"Bearer {key or platform.key}", "content-type": "application/msgpack", **headers}
    connection.request("POST", "/api/spans", body, given)
    answer = connection.getresponse()
    read = msgspec.json.decode(answer.read())
    connection.close()
    return answer.status, read


def trace(platform: Embedded, identifier: str = TRACE) -> Any:
    return platform.client.request("GET", f"/api/traces/{identifier}")


def cells(tmp_path: Path, table: str = "score_rollups", what: str = "name, count, total") -> list[tuple[Any, ...]]:
    store = open_store(Settings(home=tmp_path / "home"))
    with store.observe.connect() as connection:
        found = connection.exec_driver_sql(f"SELECT {what} FROM {table} WHERE grain = 'day' AND dimension = 'all'")
        rows = [tuple(row) for row in found]
    store.close()
    return rows


def test_spans_are_there_once_they_are_acknowledged(platform: Embedded, tmp_path: Path) -> None:
    usage = {"input_tokens": 1000, "output_tokens": 10}
    given = row(usage=usage, response_model="gpt-4o", provider="openai", charge_id="x", accounts=["key:a"])
    body = gzip.compress(msgspec.msgpack.encode([given]))
    for _ in range(2):
        status, answer = send(platform, body, **{"content-encoding": "gzip"})
        assert (status, answer["accepted"]) == (200, 1)
    got = trace(platform)
    assert len(got["spans"]) == 1
    assert got["spans"][0]["attributes"]["pilothouse.cost.nano_usd"] > 0
    assert cells(tmp_path, "rollups", "requests, calls") == [(1, 1)]


def test_one_bad_span_takes_no_other_along(platform: Embedded) -> None:
    bad = [row(id="nonsense"), row(start_us=-5), row(kind="bogus"), 7, row(usage={"input_tokens": -1})]
    status, answer = send(platform, msgspec.msgpack.encode([*bad, row(attributes={"cache": "hit"})]))
    assert (status, answer["accepted"], answer["rejected"]) == (200, 1, 5)
    assert trace(platform)["spans"][0]["attributes"]["metadata.cache"] == "hit"


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"\xc1", {}, 400),
        (b"", {}, 400),
        (msgspec.msgpack.encode({"a": 1}), {}, 400),
        (b"no gzip", {"content-encoding": "gzip"}, 400),
        (gzip.compress(bytes(40 * 1024 * 1024)), {"content-encoding": "gzip"}, 413),
        (b"\x91" * 5000 + b"\xc0", {}, 400),
        (msgspec.msgpack.encode([]), {"authorization": "Bearer ph-wrong"}, 401),
    ],
)
def test_hostile_bodies_are_refused(platform: Embedded, body: bytes, headers: dict[str, str], status: int) -> None:
    assert send(platform, body, **headers)[0] == status


def test_a_score_follows_into_the_rollups_whenever_it_comes(platform: Embedded, tmp_path: Path) -> None:
    ask: Client = platform.client
    ask.request("POST", "/api/scores", {"id": "s1", "trace_id": TRACE, "name": "good", "value": 0.5})
    assert cells(tmp_path) == []
    send(platform, msgspec.msgpack.encode([row()]))
    assert cells(tmp_path) == [("good", 1, 0.5)]
    ask.request("POST", "/api/scores", {"id": "s1", "trace_id": TRACE, "name": "good", "value": 1})
    assert cells(tmp_path) == [("good", 1, 1.0)]
    ask.request("POST", "/api/scores", {"scores": [{"trace_id": TRACE, "name": "good", "value": True}]})
    send(platform, msgspec.msgpack.encode([row(id="ef" * 8)]))
    assert cells(tmp_path) == [("good", 2, 2.0)]
    ask.request("POST", "/api/scores", {"id": "s1", "trace_id": TRACE, "name": "good", "value": "a label"})
    assert cells(tmp_path) == [("good", 1, 1.0)]


def test_feedback_is_one_voice_per_user(platform: Embedded, tmp_path: Path) -> None:
    send(platform, msgspec.msgpack.encode([row()]))
    for thumb in ("up", "down"):
        platform.client.request("POST", "/api/feedback", {"trace_id": TRACE, "thumb": thumb, "user": "ann"})
    platform.client.request("POST", "/api/feedback", {"request_id": f"req_{TRACE}", "thumb": "up", "user": "bob"})
    assert cells(tmp_path) == [("feedback", 2, 1.0)]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/scores", {"name": "x", "value": 1}),
        ("/api/scores", {"name": "x", "trace_id": TRACE}),
        ("/api/scores", {"name": "", "trace_id": TRACE, "value": 1}),
        ("/api/scores", {"scores": []}),
        ("/api/feedback", {"thumb": "up"}),
        ("/api/feedback", {"request_id": "unknown", "thumb": "up"}),
        ("/api/feedback", {"trace_id": TRACE, "thumb": "sideways"}),
    ],
)
def test_what_judges_nothing_is_refused(platform: Embedded, path: str, body: dict[str, Any]) -> None:
    with pytest.raises(PilothouseError):
        platform.client.request("POST", path, body)


def test_the_sdk_speaks_to_it(platform: Embedded, tracer: Tracer, tmp_path: Path) -> None:
    from pilothouse import observe, score_current_trace, span

    tracer.configure(url=platform.address, api_key=platform.key, enabled=True, sample_rate=1.0, mask=None)

    @observe
    def answer(question: str) -> str:
        with span("model", kind="llm") as call:
            call.update(model="gpt-4o", provider="openai", usage={"prompt_tokens": 12, "completion_tokens": 5})
        score_current_trace("good", 0.25, comment="so so")
        return question

    with span("root") as root:
        answer("\ud800 what?")
    assert tracer.flush()
    got = trace(platform, root.trace_id)
    assert [one["name"] for one in got["spans"]] == ["root", answer.__qualname__.rpartition("<locals>.")[2], "model"]
    assert got["totals"]["input_tokens"] == 12
    assert cells(tmp_path) == [("good", 1, 0.25)]
