"""`/api/guards` over a platform: what there is, and what is said of a text."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from pilothouse.api.guards import routes
from pilothouse.api.management import management
from pilothouse.app import build
from pilothouse.settings import Settings

WORDS = {"use": "words", "words": ["acme"], "action": "redact"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("api-guards")
    config = folder / "pilothouse.yaml"
    config.write_text(
        """
        models: {m: {deployments: [{provider: builtin, model: echo}]}}
        guards: {policies: {p: {input: [{use: words, words: [acme]}]}}}
        """
    )
    settings = Settings(home=folder / "home", config=config, models=models_dir, master_key="ph-master-key-of-tests")
    with build(settings) as platform:
        app = management([routes(platform.gateway, platform.recorder)], platform.keys, 10_000_000)
        key = platform.keys.in_process()
        with TestClient(app, headers={"authorization": f"Bearer {key}"}) as client:
            yield client


def test_guards_and_policies_are_listed(client: TestClient) -> None:
    told = client.get("/api/guards").json()
    words = next(one for one in told["guards"] if one["name"] == "words")
    assert {"name": "words", "type": "tuple[str, ...]", "required": True} in words["options"]
    (policy,) = told["policies"]
    assert policy["version"].startswith("p@")


def test_a_text_is_checked_by_a_policy_and_by_guards_of_the_request(client: TestClient) -> None:
    told = client.post("/api/guards/check", json={"text": "Ask Acme", "policies": ["p"]}).json()
    assert (told["action"], told["text"]) == ("block", "")
    told = client.post("/api/guards/check", json={"text": "Ask Acme", "stage": "output", "guards": [WORDS]}).json()
    assert (told["action"], told["text"]) == ("redact", "Ask [blocked]")
    (found,) = told["results"][0]["findings"]
    assert (found["kind"], found["start"], found["end"]) == ("blocked", 4, 8)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"text": "x"}, "policies"),
        ({"text": "x", "policies": ["q"]}, "policies"),
        ({"text": "x", "guards": [{"use": "words", "words": []}]}, "guards.0.words"),
        ({"text": "x", "guards": [{"use": "wrds"}]}, "guards.0"),
        ({"text": "x", "guards": [{"use": "words", "words": ["a"], "action": "retry"}]}, "guards"),
        ({"text": "x", "stage": "none", "guards": [WORDS]}, "stage"),
        ({"text": 5, "guards": [WORDS]}, "text"),
    ],
)
def test_what_is_wrong_is_told_by_its_field(client: TestClient, body: Any, param: str) -> None:
    answer = client.post("/api/guards/check", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
