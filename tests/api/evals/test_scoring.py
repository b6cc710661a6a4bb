"""`/api/evals/online` of an installation with a rule."""

from pathlib import Path

from fastapi.testclient import TestClient

from pilothouse.app import build
from pilothouse.faces import faces
from pilothouse.settings import Settings


def test_the_rules_with_what_became_of_traffic(tmp_path: Path) -> None:
    config = tmp_path / "pilothouse.yaml"
    config.write_text("evals: {online: {support: {evaluators: [refusal], share: 0.1}}}\n")
    with build(Settings(home=tmp_path / "home", config=config, master_key="ph-master")) as platform:
        platform.first_key()
        platform.scoring.tallies.add("default", "support", "refusal", "failed", "It broke.")
        client = TestClient(faces(platform), headers={"authorization": "Bearer ph-master"})
        (rule,) = client.get("/api/evals/online").json()
        assert (rule["name"], rule["counts"]["failed"], rule["today"]["failed"]) == ("support", 1, 1)
        assert rule["reasons"][0]["reason"] == "It broke."
        assert client.get("/api/evals/online", params={"project_id": "shop"}).json()[0]["counts"]["failed"] == 0
        assert client.get("/api/evals/online", params={"days": 0}).status_code == 400
