"""Work on a whole dataset over HTTP: queued as a job, with what it needs, or refused."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from pilothouse.evals.datasets.work import TASK, work_task

from .test_datasets import As, as_, client, told

__all__ = ["as_", "client"]


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("sample", {"filters": {"status": "error"}, "how": "stratified", "by": "feature", "most": 5, "scrub": {}}),
        ("dedupe", {}),
        ("split", {"shares": {"train": 0.5, "test": 0.5}}),
        ("scrub", {"redact": ["email"], "patterns": {"NAME": "ana"}}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_work_is_queued_and_can_be_done(client: TestClient, what: str, body: Any) -> None:
    answer = client.post(f"/api/datasets/d/{what}", json=body)
    job = answer.json()
    assert (answer.status_code, job["task"], job["status"]) == (202, TASK, "queued")
    assert work_task(job["payload"], lambda done, total, note="": None)["dataset"] == job["payload"]["dataset"]


@pytest.mark.parametrize(
    ("what", "body", "status", "said"),
    [
        ("sample", {"filters": {"modell": "x"}}, 400, "'modell' is no filter of traces"),
        ("sample", {"how": "best"}, 400, "how"),
        ("sample", {"scrub": {"patterns": {"x": "("}}}, 400, "patterns"),
        ("scrub", {"redact": ["mail"]}, 400, "no kind of personal data"),
        ("split", {"shares": {}}, 400, "shares"),
    ],
    ids=["filter", "how", "pattern", "kind", "shares"],
)
def test_work_that_cannot_be_done(client: TestClient, what: str, body: Any, status: int, said: str) -> None:
    assert said in told(client.post(f"/api/datasets/d/{what}", json=body), status)


def test_of_what_is_not_there_nor_for_those_who_look(as_: As, client: TestClient) -> None:
    assert client.post("/api/datasets/x/dedupe", json={}).status_code == 404
    assert as_("viewer").post("/api/datasets/d/dedupe", json={}).status_code == 403
