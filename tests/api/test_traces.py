"""`/api/traces` over a real store."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from pilothouse.access import Keys
from pilothouse.api.management import management
from pilothouse.api.traces import routes
from pilothouse.call import Span
from pilothouse.observe import Drainer, SpoolRecorder, Traces
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
            cost_nano=5, input={"messages": []},
        )  # fmt: skip
        SpoolRecorder(spool).record(span)
    Drainer(spool, store, settings.home).stop()
    keys = Keys(store.control)
    headers = {"authorization": f"Bearer {keys.in_process()}"}
    with TestClient(management([routes(Traces(store))], keys, 1000), headers=headers) as client:
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
