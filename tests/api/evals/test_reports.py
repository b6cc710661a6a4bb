"""What runs showed, over HTTP."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from fastapi.testclient import TestClient

from pilothouse.access import Keys
from pilothouse.api.evals.reports import routes
from pilothouse.api.management import management
from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.config import Config
from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store
from pilothouse.storage.evaluating.eval_runs import EvalRuns


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(Settings(home=tmp_path))
    yield made
    made.close()


@pytest.fixture
def client(store: Store) -> TestClient:
    keys = Keys(store.control)
    keys.set_master("ph-master")
    app = management([routes(store, Config)], keys, 100_000)
    return TestClient(app, headers={"authorization": "Bearer ph-master"}, raise_server_exceptions=False)


@pytest.fixture(autouse=True)
def kept(store: Store) -> None:
    runs = EvalRuns(store)
    for name, branch, passes in (("base", "main", [True] * 30), ("mine", "topic", [True] * 20 + [False] * 10)):
        run = runs.create(
            "default", name=name, suite="s", subject={"model": "fast"}, plan={"suite": {"gates": ["exact < 0.5"]}},
            plan_hash="h", cases=30, metadata={"branch": branch}, status="done",
        )  # fmt: skip
        told = [Verdict.ok("exact", float(one), passed=one) for one in passes]
        runs.put("default", run.id, [
            Outcome(case=Case(id=f"c{n}", input=f"<b>{n}</b>", metadata={"half": n < 15}), verdicts=(one,))
            for n, one in enumerate(told)
        ])  # fmt: skip


def test_a_report_for_people_and_for_ci(client: TestClient) -> None:
    text = client.get("/api/evals/runs/mine/report.md", params={"baseline": "branch:main", "gate": "exact drop > 0.1"})
    assert text.headers["content-type"] == "text/markdown; charset=utf-8"
    assert text.text.startswith("### ❌ mine: 1 of 2 gates failed.")
    assert "<b>" not in text.text
    xml = client.get("/api/evals/runs/mine/report.xml")
    assert xml.headers["content-type"] == "application/xml"
    assert [suite.get("failures") for suite in ET.fromstring(xml.text)] == ["10", "0"]


def test_runs_are_compared(client: TestClient) -> None:
    params: dict[str, Any] = {"before": "branch:main", "after": "mine", "slice": "half", "gate": "exact drop > 0.1"}
    (one,) = client.get("/api/evals/compare", params=params).json()["data"]
    assert one["comparison"]["metrics"]["exact"]["verdict"] == "worse"
    assert [gate["passed"] for gate in one["gates"]] == [False]
    assert {cut["key"] for cut in one["comparison"]["slices"]} == {"half"}
    text = client.get("/api/evals/compare", params={**params, "format": "markdown"}).text
    assert text.startswith("### ❌ mine")


@pytest.mark.parametrize(
    ("path", "status", "why"),
    [
        ("runs/none/report.md", 404, "no run 'none'"),
        ("runs/mine/report.md?baseline=branch:dev", 404, "on the branch 'dev' is done"),
        ("runs/mine/report.xml?gate=exact", 400, "is no gate"),
        ("compare?before=mine&after=mine", 400, "is among those"),
        ("compare?before=base", 400, "after"),
        (f"compare?before=base{'&after=mine' * 9}", 400, "At most 8"),
    ],
    ids=range(6),
)
def test_what_is_wrong_is_told(client: TestClient, path: str, status: int, why: str) -> None:
    told = client.get(f"/api/evals/{path}")
    assert told.status_code == status, told.text
    assert why in told.json()["error"]["message"]
