"""`/api/evals/sentinel` over a sentinel that noticed something."""

from pathlib import Path

from fastapi.testclient import TestClient

from pilothouse.access.shapes import KeySettings
from pilothouse.app import build
from pilothouse.faces import faces
from pilothouse.lifecycle.sentinel.answers import Answer, Run
from pilothouse.lifecycle.sentinel.course import Change, Course
from pilothouse.lifecycle.sentinel.kept import Reading, State
from pilothouse.settings import Settings

HOUR_US = 3_600_000_000
CONFIG = 'evals: {sentinel: {models: [builtin/echo], prompts: ["Who?"]}}\n'


def test_what_was_noticed_its_runs_and_a_new_baseline(tmp_path: Path) -> None:
    config = tmp_path / "pilothouse.yaml"
    config.write_text(CONFIG)
    with build(Settings(home=tmp_path / "home", config=config, master_key="ph-master")) as platform:
        platform.first_key()
        kept, change = platform.sentinel.standing.kept, Change(since_us=2 * HOUR_US, found_us=3 * HOUR_US, evidence=2e3)
        state = State("default", "builtin/echo", "plan", "changed", HOUR_US, 3 * HOUR_US, Course(change=change))
        for hour in (1, 2, 3):
            kept.put(state, Reading(Run(at_us=hour * HOUR_US, answers={"who": Answer(text="Ada", vector="AA==")}), 1.0))
        client = TestClient(faces(platform), headers={"authorization": "Bearer ph-master"})
        (one,) = client.get("/api/evals/sentinel").json()["deployments"]
        assert (one["status"], one["change"]["since_us"]) == ("changed", 2 * HOUR_US)
        params = {"deployment": "builtin/echo", "limit": 2}
        newest, older = client.get("/api/evals/sentinel/readings", params=params).json()
        assert (newest["answers"]["who"]["text"], "vector" in newest["answers"]["who"]) == ("Ada", False)
        last = client.get("/api/evals/sentinel/readings", params=params | {"before": older["at_us"]}).json()
        assert [run["at_us"] for run in last] == [HOUR_US]
        assert client.get("/api/evals/sentinel/readings", params={"deployment": "none"}).status_code == 404
        body = {"deployment": "builtin/echo"}
        viewer, _ = platform.keys.create("v", "viewer", KeySettings())
        refused = client.post("/api/evals/sentinel/accept", json=body, headers={"authorization": f"Bearer {viewer}"})
        assert refused.status_code == 403
        accepted = client.post("/api/evals/sentinel/accept", json=body).json()
        assert accepted == {"deployment": "builtin/echo", "status": "learning", "since_us": 2 * HOUR_US}
        assert client.post("/api/evals/sentinel/accept", json=body).status_code == 409
        assert client.post("/api/evals/sentinel/accept", json={"deployment": "none"}).status_code == 404
        assert client.get("/api/evals/sentinel", params={"project_id": "shop"}).json()["deployments"] == []
