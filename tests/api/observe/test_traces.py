"""`/api/traces` over a real store."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from pilothouse.access import Keys
from pilothouse.api.management import management
from pilothouse.api.observe.traces import routes
from pilothouse.call import Span
from pilothouse.observe import Drainer, Prices, SpoolRecorder, Traces
from pilothouse.settings import Settings
from pilothouse.storage import Spool, open_store
from pilothouse.types import Usage


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    settings = Settings(home=tmp_path / "home")
    store = open_store(settings)
    spool = Spool.open(settings.home, 10_000_000)
    for trace_id in ("aa11", "bb22"):
        span = Span(
            id="root", trace_id=trace_id, project_id="default", name=f"chat {trace_id}", kind="llm",
            start_us=1_700_000_000_000_000, end_us=1_700_000_000_250_000, request_model="fast", usage=Usage(12, 8),
            cost_nano=5, input={"messages": []}, user_id=f"user of {trace_id}", prompt="answer@3", source="gateway",
        )  # fmt: skip
        SpoolRecorder(spool).record(span)
    Drainer(spool, store, settings.home).stop()
    keys = Keys(store.control)
    headers = {"authorization": f"Bearer {keys.in_process()}"}
    with TestClient(management([routes(Traces(store), Prices())], keys, 1000), headers=headers) as client:
        yield client
    spool.close()
    store.close()


def test_list(client: TestClient) -> None:
    page = client.get("/api/traces", params={"limit": 1}).json()
    assert [row["trace_id"] for row in page["data"]] == ["bb22"]
    assert page["data"][0]["totals"]["input_tokens"] == 12
    after = client.get("/api/traces", params={"before": page["next"], "model": "fast"}).json()
    assert [row["trace_id"] for row in after["data"]] == ["aa11"]
    assert after["next"] is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("user_id=user of aa11", ["aa11"]), ("user_id=%00", []), ("prompt=answer", ["bb22", "aa11"]),
        ("slower_us=250001", []), ("dearer_nano=5&user_id=user of bb22", ["bb22"]), ("score=helpful", []),
    ],
)  # fmt: skip
def test_list_narrowed(client: TestClient, query: str, found: list[str]) -> None:
    assert [row["trace_id"] for row in client.get(f"/api/traces?{query}").json()["data"]] == found


def test_what_narrows_nothing_is_refused(client: TestClient) -> None:
    refused = client.get("/api/traces?user=ada")
    assert refused.status_code == 400
    assert "'user' is no filter" in refused.json()["error"]["message"]
    assert client.get("/api/traces?score_most=0.5").status_code == 400
    assert client.get("/api/traces?score=a&score_most=nan").status_code == 400


def test_why_it_went_so(client: TestClient) -> None:
    told = client.get("/api/traces/aa11/explain").json()
    (step,) = told["steps"]
    assert (told["trace_id"], step["name"]) == ("aa11", "chat aa11")
    assert {"topic": "prompt", "text": "The prompt was answer@3."} in step["reasons"]
    assert client.get("/api/traces/zz/explain").status_code == 404


def test_one(client: TestClient) -> None:
    trace = client.get("/api/traces/aa").json()
    assert trace["trace_id"] == "aa11"
    assert trace["spans"][0]["attributes"]["gen_ai.usage.output_tokens"] == 8
    assert trace["spans"][0]["input"] == {"messages": []}
    assert "input" not in client.get("/api/traces/aa11", params={"payload": "false"}).json()["spans"][0]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/traces/zz", 404),
        ("/api/traces/%00", 404),
        ("/api/traces?before=x", 400),
        ("/api/traces?limit=0", 400),
        ("/api/traces?since_us=999999999999999999999999", 400),
        ("/api/traces?text=%00&model=%00&status=%00", 200),
    ],
)
def test_bad_input(client: TestClient, path: str, status: int) -> None:
    assert client.get(path).status_code == status
