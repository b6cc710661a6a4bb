"""Runs over HTTP: begun as a job with the caller's rights, read in pages, cancelled, gone on with, deleted."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from pilothouse.access.shapes import KeySettings, TenantSettings
from pilothouse.app import Platform, build
from pilothouse.errors import Cancelled, Forbidden
from pilothouse.faces import faces
from pilothouse.jobs import run_task
from pilothouse.settings import Settings
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.storage.evaluating.datasets import Datasets
from pilothouse.storage.evaluating.eval_runs import EvalRuns

As = Callable[..., TestClient]
SUITE: dict[str, Any] = {
    "suite": "echoes", "dataset": "gold", "task": {"model": "builtin/echo"}, "evaluators": ["exact"],
    "gates": ["exact < 0.4"],
}  # fmt: skip


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    (tmp_path / "pilothouse.yaml").write_text("")
    with build(Settings(home=tmp_path / "home", config=tmp_path / "pilothouse.yaml", master_key="ph-master")) as made:
        made.first_key()
        for project in ("default", "shop"):
            if project == "shop":
                made.tenants.create("project", "shop", TenantSettings(name="Shop"))
            datasets = Datasets(made.store)
            items = [NewItem(input=f"q{i}", expected=f"q{i % 2}", key=f"k{i}") for i in range(3)]
            datasets.change(project, datasets.create(project, "gold"), items)
        yield made


@pytest.fixture
def as_(platform: Platform) -> As:
    app = faces(platform)

    def client(role: Any = "editor", project: str = "default") -> TestClient:
        secret, _ = platform.keys.create(f"{role} of {project}", role, KeySettings(project_id=project))
        return TestClient(app, headers={"authorization": f"Bearer {secret}"}, raise_server_exceptions=False)

    return client


def worked(platform: Platform, begun: Any) -> Any:
    """What the job comes to."""
    payload = platform.jobs.get(begun["job"]["id"]).payload
    return run_task(payload, lambda done, total, note="": None)


def test_a_run_is_begun_worked_off_and_read(platform: Platform, as_: As) -> None:
    editor, viewer = as_(), as_("viewer")
    answer = editor.post("/api/evals/runs", json={"suite": SUITE, "name": "nightly", "metadata": {"branch": "main"}})
    assert answer.status_code == 202, answer.text
    begun = answer.json()
    assert (begun["run"]["status"], begun["run"]["cases"], begun["job"]["task"]) == ("running", 3, "evals.run")
    assert worked(platform, begun) == {"run": begun["run"]["id"], "status": "done", "passed": True}
    run = viewer.get("/api/evals/runs/nightly").json()
    assert (run["status"], run["done"], run["cost_usd"], run["metadata"]) == ("done", 3, 0, {"branch": "main"})
    assert run["summary"]["gates"][0]["passed"]
    page = viewer.get("/api/evals/runs/nightly/outcomes", params={"limit": 2}).json()
    assert [one["case"]["id"] for one in page["data"]] == ["k0", "k1"]
    rest = viewer.get("/api/evals/runs/nightly/outcomes", params={"after": page["next"]}).json()
    assert ([one["case"]["id"] for one in rest["data"]], rest["next"]) == (["k2"], None)
    failing = viewer.get("/api/evals/runs/nightly/outcomes", params={"failing": True, "evaluator": "exact"}).json()
    assert [one["case"]["id"] for one in failing["data"]] == ["k2"]
    one = viewer.get("/api/evals/runs/nightly/outcome", params={"case": "k0"}).json()
    assert (one["case"]["output"], one["verdicts"][0]["passed"]) == ("q0", True)
    assert viewer.get("/api/evals/runs/nightly/report").json()["summary"]["metrics"]["exact"]["n"] == 3
    listed = viewer.get("/api/evals/runs", params={"suite": "echoes"}).json()
    assert ([one["id"] for one in listed["data"]], listed["next"]) == ([run["id"]], None)
    assert worked(platform, begun)["status"] == "done"  # a job that comes twice changes nothing
    assert editor.delete(f"/api/evals/runs/{run['id']}").status_code == 204
    assert viewer.get("/api/evals/runs/nightly").status_code == 404


def test_what_is_wrong_is_told_at_once_and_where(as_: As) -> None:
    editor = as_()
    for changes, told in (
        ({"evaluators": ["exat"]}, "evaluators.0: No pilothouse.evaluators named 'exat'. Did you mean 'exact'"),
        ({"dataset": "glod"}, "dataset: There is no dataset 'glod'. Did you mean 'gold'"),
        ({"task": {"model": "nobody/x"}}, "task.model: "),
        ({"task": {"python": "os:getcwd"}}, "task.python: a server runs nobody's functions"),
        ({"dataset": None, "data": "/etc/passwd"}, "data: only a suite in a file may name a file"),
        ({"trails": 2}, "trails: unknown key. Did you mean 'trials'"),
    ):
        answer = editor.post("/api/evals/runs", json={"suite": {**SUITE, **changes}})
        assert (answer.status_code, told in answer.json()["error"]["message"]) == (400, True), answer.text
    assert editor.get("/api/evals/runs/none/outcomes").status_code == 404
    assert editor.get("/api/evals/runs", params={"before": "\0"}).status_code == 200


def test_it_is_cancelled_and_goes_on(platform: Platform, as_: As) -> None:
    editor = as_()
    begun = editor.post("/api/evals/runs", json={"suite": SUITE}).json()
    assert editor.post("/api/evals/runs/echoes/resume").status_code == 409
    assert editor.post("/api/evals/runs/echoes/cancel").json()["status"] == "cancelled"
    assert worked(platform, begun)["status"] == "cancelled"
    again = editor.post("/api/evals/runs/echoes/resume")
    assert again.status_code == 202
    assert worked(platform, again.json())["status"] == "done"
    runs = EvalRuns(platform.store)
    runs.create("default", name="outside", suite="s", kind="external", subject={}, plan={}, plan_hash="", status="done")
    assert editor.post("/api/evals/runs/outside/resume").status_code == 409


def test_the_job_of_a_run_that_is_deleted_is_called_off(platform: Platform, as_: As) -> None:
    editor = as_()
    begun = editor.post("/api/evals/runs", json={"suite": SUITE}).json()
    assert editor.delete(f"/api/evals/runs/{begun['run']['id']}").status_code == 204
    with pytest.raises(Cancelled, match="The run was deleted"):
        worked(platform, begun)


def test_rights_and_projects_hold(platform: Platform, as_: As) -> None:
    shop, viewer = as_("editor", "shop"), as_("viewer")
    begun = shop.post("/api/evals/runs", json={"suite": SUITE}).json()
    assert viewer.get("/api/evals/runs").json()["data"] == []
    assert viewer.post("/api/evals/runs", json={"suite": SUITE}).status_code == 403
    payload = platform.jobs.get(begun["job"]["id"], project_id="shop").payload
    key = next(one for one in platform.keys.list("shop") if one.name == "editor of shop")
    platform.keys.revoke(key.id)
    with pytest.raises(Forbidden, match="may not call models any more"):
        run_task(payload, lambda done, total, note="": None)
    run = EvalRuns(platform.store).get("shop", "echoes")
    assert (run.status, run.error) == ("failed", "The key that started this may not call models any more.")


def test_evaluators_are_listed_with_what_they_need(as_: As) -> None:
    found = {one["name"]: one for one in as_("viewer").get("/api/evals/evaluators").json()}
    assert (found["faithfulness"]["needs"], found["faithfulness"]["default_for"]) == (["context", "judge"],
                                                                                     "faithfulness")  # fmt: skip
    assert found["regex"]["options"]["pattern"]["required"]


def test_the_master_key_changes_nothing_in_a_project_that_does_not_exist(platform: Platform) -> None:
    master = TestClient(faces(platform), headers={"authorization": "Bearer ph-master"})
    for path, body in (("runs", {"suite": SUITE}), ("datasets", {"name": "d"}), ("runs/x/cancel", {})):
        answer = master.post(f"/api/{'' if path == 'datasets' else 'evals/'}{path}?project_id=nosuch", json=body)
        assert (answer.status_code, answer.json()["error"]["message"]) == (404, "There is no project 'nosuch'.")
    assert master.post("/api/datasets?project_id=shop", json={"name": "d"}).status_code < 300
