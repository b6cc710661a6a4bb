"""`/api/prompts/{name}/optimize`: an order becomes a job, which asks a server whose answers hang on the prompt."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from pilothouse.access.audit import Actor
from pilothouse.app import Platform, build
from pilothouse.errors import Cancelled
from pilothouse.faces import faces
from pilothouse.jobs import optimize_prompt_task
from pilothouse.lifecycle.optimizing.queueing import TASK
from pilothouse.prompts.content import content_of
from pilothouse.settings import Settings
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.storage.evaluating.datasets import Datasets
from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.testing.wire import Answer, Heard
from pilothouse.types import Json

RULE = "Answer with one number."
CONFIG = """
providers:
  wire: {{kind: openai, base_url: "{url}/v1", api_key: sk-test}}
models:
  small: {{deployments: [{{provider: wire, model: small}}]}}
  writer: {{deployments: [{{provider: wire, model: writer}}]}}
"""


class Adding(OpenAIServer):
    """`small` adds, and says so in a sentence where no rule forbids it; `writer` proposes that rule."""

    def whole(self, heard: Heard, answer: Answer) -> Json:
        if heard.model == "writer":
            text = json.dumps({"template": f"{RULE} {{{{ sum }}}}", "why": "It says the form."})
        else:
            asked = heard.turns[-1].text
            a, b = asked.split()[-1].split("+")
            text = f"{int(a) + int(b)}" if RULE in asked else f"That is {int(a) + int(b)}."
        return super().whole(heard, replace(answer, text=text))


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    home: Path = tmp_path_factory.mktemp("home")
    with Adding() as server:
        config = home / "pilothouse.yaml"
        config.write_text(CONFIG.format(url=server.url))
        with build(Settings(home=home / "kept", config=config, master_key="ph-master")) as made:
            made.first_key()
            prompts = made.prompts.prompts
            for name, template in (("math/add", "Add: {{ sum }}"), ("done", f"{RULE} {{{{ sum }}}}")):
                content = content_of({"template": template, "model": "small"})
                prompts.create("default", name, content, by=Actor("ada", "api"))
            prompts.create("default", "model-less", content_of({"template": "{{ sum }}"}), by=Actor("ada", "api"))
            dataset = Datasets(made.store).create("default", "sums")
            items = [NewItem(input=f"{i}+{i}", expected=str(2 * i)) for i in range(30)]
            Datasets(made.store).change("default", dataset, items)
            yield made


@pytest.fixture(scope="module")
def client(platform: Platform) -> TestClient:
    return TestClient(
        faces(platform), headers={"authorization": "Bearer ph-master"}, raise_server_exceptions=False
    )  # fmt: skip


ORDER = {"dataset": "sums", "rewrite_model": "writer", "rewrites": 1, "examples": 0}


def test_a_better_version_is_found_over_http(client: TestClient, platform: Platform) -> None:
    answer = client.post("/api/prompts/math%2Fadd/optimize", json=ORDER)
    assert answer.status_code == 202, answer.text
    job = platform.jobs.get(answer.json()["id"], project_id="default")
    assert job.task == TASK
    heard: list[tuple[int, int]] = []
    told = optimize_prompt_task(job.payload, lambda done, total, note="": heard.append((done, total)))
    assert told["verdict"] == "better", str(told)[-900:]
    assert (told["verdict"], told["source"], told["version"]) == ("better", 1, 2)
    assert (told["change"]["before"], told["change"]["after"]) == (0, 1)
    assert told["change"]["low"] > 0
    kept = client.get("/api/prompts/math%2Fadd/versions/2").json()
    assert (kept["content"]["template"], kept["labels"]) == (f"{RULE} {{{{ sum }}}}", ["latest"])
    assert heard[-1][0] == heard[-1][1]


def test_where_nothing_is_wrong_nothing_is_found(client: TestClient, platform: Platform) -> None:
    job = platform.jobs.get(client.post("/api/prompts/done/optimize", json=ORDER).json()["id"], project_id="default")
    told = optimize_prompt_task(job.payload, lambda done, total, note="": None)
    assert (told["verdict"], told["version"], len(told["proposals"])) == ("none", None, 0)
    assert "Every train case that could be told is answered as it should be." in told["notes"]
    assert client.get("/api/prompts/done").json()["newest"] == 1


def test_a_job_that_is_called_off_stops_asking(client: TestClient, platform: Platform) -> None:
    def progress(done: int, total: int, note: str = "") -> None:
        raise Cancelled("The job was cancelled.")

    body = {**ORDER, "version": 1, "metric": "contains_expected"}
    job = platform.jobs.get(client.post("/api/prompts/done/optimize", json=body).json()["id"], project_id="default")
    with pytest.raises(Cancelled):
        optimize_prompt_task(job.payload, progress)


@pytest.mark.parametrize(
    ("name", "body", "status", "said"),
    [
        ("gone", ORDER, 404, "gone"),
        ("math/add", {**ORDER, "version": 9}, 404, "9"),
        ("math/add", {**ORDER, "dataset": "away"}, 404, "There is no dataset 'away'."),
        ("math/add", {**ORDER, "dataset": "sums@7"}, 404, "The dataset 'sums' has no version 7."),
        ("math/add", {**ORDER, "train": "a"}, 400, "The dataset has no splits"),
        ("model-less", ORDER, 400, "names no model"),
        ("math/add", {}, 400, "dataset"),
        ("math/add", {**ORDER, "metric": "x"}, 400, "x"),
        ("math/add", {**ORDER, "max_cost_usd": "much"}, 400, "max_cost_usd"),
        ("math/add", {**ORDER, "rewrite_model": None}, 400, "Nothing would be proposed"),
    ],
    ids=range(10),
)
def test_what_is_wrong_is_told_at_once(client: TestClient, name: str, body: Json, status: int, said: str) -> None:
    answer = client.post(f"/api/prompts/{name}/optimize", json=body)
    assert answer.status_code == status, answer.text
    assert said in answer.json()["error"]["message"]
