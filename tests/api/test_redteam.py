"""`/api/redteam`: a run is begun, worked off by its job, reported and compared; and the console's pages of it."""

from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from pilothouse.api.redteam import TASK
from pilothouse.app import build
from pilothouse.faces import faces
from pilothouse.jobs import redteam_task
from pilothouse.settings import Settings

ASKED: dict[str, Any] = {"target": "builtin/echo", "classes": ["jailbreak"], "mutators": ["none", "de"], "limit": 10}


def test_a_run_over_http_from_its_begin_to_a_comparison(tmp_path: Path) -> None:
    config = tmp_path / "pilothouse.yaml"
    config.write_text("guards: {default: []}\n")
    with build(Settings(home=tmp_path / "home", config=config, master_key="ph-master")) as platform:
        platform.first_key()
        client = TestClient(faces(platform), headers={"authorization": "Bearer ph-master"})
        there = client.get("/api/redteam/attacks").json()
        assert (len(there["classes"]), there["mutators"][0]["name"]) == (6, "de")
        for wrong, why in (
            ({"target": "https://host/v1", "model": "m"}, "what it serves itself"),
            ({"target": "python:os:getcwd"}, "line"),
            ({**ASKED, "classes": ["x"]}, "no class 'x'"), ({**ASKED, "mutators": ["x"]}, "no mutator 'x'"),
            ({**ASKED, "target": "none"}, "none"),
        ):  # fmt: skip
            refused = client.post("/api/redteam/runs", json=wrong)
            assert refused.status_code in (400, 404), refused.text
            assert why in refused.json()["error"]["message"]
        ids = []
        for _ in range(2):
            begun = client.post("/api/redteam/runs", json=ASKED)
            assert begun.status_code == 202, begun.text
            run = begun.json()["run"]
            assert (run["target"], run["attacks"], run["status"]) == ("builtin/echo", 30, "running")
            job = platform.jobs.get(begun.json()["job"]["id"])
            assert job.task == TASK
            assert redteam_task(job.payload, lambda done, total, note="": None)["status"] == "done"
            ids.append(run["id"])
        report = client.get(f"/api/redteam/runs/{ids[0]}/report").json()
        assert (report["total"]["n"], report["total"]["succeeded"], report["harmless"]["n"]) == (10, 0, 20)
        found = client.get("/api/redteam/compare", params={"before": ids[0], "after": ids[1]}).json()
        assert (found["total"]["n"], found["same_guards"]) == (10, True)
        assert [one["id"] for one in client.get("/api/redteam/runs").json()["data"]][:2] == ids[::-1]
        assert client.get("/api/redteam/runs/none/report").status_code == 404
        assert client.post(f"/api/redteam/runs/{ids[0]}/resume").status_code == 202
        assert client.post("/api/redteam/runs", json={"target": ""}).status_code == 400
