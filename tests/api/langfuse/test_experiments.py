"""Runs of other programs, read as version 5 of Langfuse's SDK reads them."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from pilothouse.api.langfuse import experiments as langfuse_experiments
from pilothouse.api.management import management
from pilothouse.evals.datasets.experiments import external_runs
from pilothouse.evals.datasets.external import Link
from pilothouse.observe.scores import Score, Scores
from pilothouse.storage import Store
from pilothouse.storage.evaluating.dataset_items import NewItem

from .test_datasets import P, client_of, keys, store

__all__ = ["keys", "store"]


@pytest.fixture
def client(store: Store, keys: Any) -> TestClient:
    """Two runs: `one` of three cases, known as `x1`, then `two` of a single one."""
    external = external_runs(store)
    one = external.begin(P, None, "one", source="langfuse", description="d", metadata={"commit": "c"}, known_as="x1")
    for case in "abc":
        external.link(P, one, Link(case, f"t{case}", f"s{case}"), NewItem(input=case, expected=case.upper()))
    external.link(P, external.begin(P, None, "two", source="langfuse"), Link("a", "t2"))
    external.runs.create(P, name="ours", suite="s", subject={}, plan={}, plan_hash="h")
    whole = Score(id="2", session_id="langfuse-experiment:x1", name="mean", value=0.5)
    judged = [Score(id="1", trace_id="tb", name="exact", value=1.0), whole]
    Scores(store).put(P, judged)
    return client_of(management([langfuse_experiments.routes(store)], keys, 10_000), keys, "viewer")


def test_runs_are_listed_by_pages(client: TestClient) -> None:
    page = client.get("/experiments?limit=1&fields=core,metadata,scores").json()
    assert [one["name"] for one in page["data"]] == ["two"]
    page = client.get(f"/experiments?limit=1&fields=core,metadata,scores&cursor={page['meta']['cursor']}").json()
    (one,) = page["data"]
    assert (one["id"], one["name"], one["description"], one["itemCount"]) == ("x1", "one", "d", 3)
    assert (one["metadata"], [score["name"] for score in one["scores"]]) == ({"commit": "c"}, ["mean"])
    assert one["scores"][0]["subject"] == {"kind": "experiment", "id": "x1"}
    assert page["meta"] == {}
    assert [one["name"] for one in client.get("/experiments?id=x1,y").json()["data"]] == ["one"]
    assert client.get("/experiments?name=two&fromStartTime=2999-01-01T00:00:00Z").json()["data"] == []
    assert client.get("/experiments?datasetId=d").json()["data"] == []


def test_cases_are_listed_by_pages(client: TestClient) -> None:
    found, cursor = list[dict[str, Any]](), ""
    while True:
        page = client.get(f"/experiment-items?limit=2&fields=core,io,scores{cursor}").json()
        found += page["data"]
        if "cursor" not in page["meta"]:
            break
        cursor = f"&cursor={page['meta']['cursor']}"
    assert [(one["experimentName"], one["experimentItemId"]) for one in found] == [
        ("two", "a"), ("one", "a"), ("one", "b"), ("one", "c")
    ]  # fmt: skip
    b = found[2]
    assert (b["id"], b["traceId"], b["input"], b["expectedOutput"], b["level"]) == ("sb", "tb", "b", "B", "DEFAULT")
    assert [score["name"] for score in b["scores"]] == ["exact"]
    named = client.get("/experiment-items?experimentName=one&experimentItemId=c&fields=itemMetadata,dataset").json()
    assert [one["experimentItemMetadata"] for one in named["data"]] == [{}]


@pytest.mark.parametrize("query", ["fields=all", "cursor=x", "filter=[]", "fromStartTime=soon", "limit=0"])
def test_what_cannot_be_asked(client: TestClient, query: str) -> None:
    assert client.get(f"/experiments?{query}").status_code == 400
    assert client.get(f"/experiment-items?{query}").status_code == 400
