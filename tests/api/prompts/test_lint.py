"""`/api/prompts/lint` and `/api/prompts/{name}/usage` over a real store: who may, what is told, clear refusals."""

import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from pilothouse.access import Keys
from pilothouse.access.audit import Actor
from pilothouse.access.door import Door
from pilothouse.access.shapes import KeySettings
from pilothouse.api.management import management
from pilothouse.api.prompts import lint as prompt_lint
from pilothouse.api.prompts import usage as prompt_usage
from pilothouse.config import Config
from pilothouse.ids import now_us
from pilothouse.observe.costs.prices import Prices
from pilothouse.observe.prompt_calls import PromptCalls
from pilothouse.prompts.content import content_of
from pilothouse.prompts.registry import Prompts
from pilothouse.storage import Store, writing
from pilothouse.storage.tables import prompt_calls

from ..conftest import As

LINT = "/api/prompts/lint"


@pytest.fixture(params=["sqlite"])
def settings(tmp_path: Any) -> Any:
    """What these routes ask of the database is asked on both elsewhere."""
    from pilothouse.settings import Settings

    return Settings(home=tmp_path / "home")


@pytest.fixture
def as_(store: Store, keyring: Keys) -> As:
    prompts = Prompts(store.control)
    routers = [
        prompt_lint.routes(prompts, Prices(), Config),
        prompt_usage.routes(prompts, PromptCalls(store)),
    ]
    app = management(routers, keyring, 1_000_000, door=Door(keyring, None))  # type: ignore[arg-type]

    def client(role: Any = None, project: str = "default") -> TestClient:
        secret = "ph-master"
        if role is not None:
            secret, _ = keyring.create("k", role, KeySettings(project_id=project))
        return TestClient(app, headers={"authorization": f"Bearer {secret}"}, raise_server_exceptions=False)

    return client


def keep(store: Store, name: str, template: str) -> None:
    Prompts(store.control).create("default", name, content_of({"template": template}), by=Actor("ana", "api"))


def test_a_viewer_lints_what_is_written_and_what_is_kept(as_: As, store: Store) -> None:
    viewer = as_("viewer")
    content = {
        "template": [{"role": "system", "content": "You help.\nAnswer {{ qestion }}."}],
        "variables": {"question": {}},
        "model": "gpt-4o-mini",
    }
    told = viewer.post(LINT, json={"content": content, "select": ["P2"], "models": ["nobody's"]}).json()
    (finding,) = [one for one in told["findings"] if one["code"] == "P201"]
    text = content["template"][0]["content"]  # type: ignore[index]
    assert (finding["message"], finding["line"], finding["column"]) == (0, 2, 8)
    assert text[finding["offset"] : finding["end"]] == "{{ qestion }}"
    mine, other = told["costs"]["models"]
    assert mine["nano"] > 0
    assert other == {"model": "nobody's", "nano": None, "window": None}
    keep(store, "team/answer", "Answer {name} in one word.")
    for including, noted in (("{% include 'team/answer#latest' %}", 0), ("{% include 'not/there' %}", 1)):
        body = {"content": {"template": f"You write poems. {including}"}}
        assert len(viewer.post(LINT, json=body).json()["notes"]) == noted
    told = viewer.post(LINT, json={"prompt": "team/answer@1"}).json()
    assert told["name"] == "team/answer@1"
    assert "P203" in [one["code"] for one in told["findings"]]


def test_the_body_that_the_page_shows(as_: As) -> None:
    page = (Path(__file__).parents[3] / "docs" / "prompt-linting.md").read_text()
    (body,) = re.findall(r"^```json\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    told = as_("viewer").post(LINT, content=body, headers={"content-type": "application/json"}).json()
    assert {"P101", "P106", "P108"} == {one["code"] for one in told["findings"]}
    assert all(one["nano"] > 0 for one in told["costs"]["models"])
    assert len(told["costs"]["models"]) == 2


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 400, "one of 'content' and 'prompt'"),
        ({"content": {"template": "x"}, "prompt": "a"}, 400, "one of"),
        ({"content": {"template": 3}}, 400, "template"),
        ({"content": {"template": "a\0b"}}, 400, "NUL"),
        ({"content": {"template": "x"}, "select": ["Q1"]}, 400, "'Q1' is the code of no rule"),
        ({"content": {"template": "x", "config": {"lint": ["P1"]}}}, 400, "lint: write it as"),
        ({"content": {"template": "x"}, "chars": -1}, 400, "chars"),
        ({"content": {"template": "x"}, "max_cost_usd": "NaN"}, 400, "max_cost_usd"),
        ({"prompt": "nothing"}, 404, "nothing"),
        ({"prompt": "a@b"}, 400, "number of a version"),
    ],
    ids=lambda given: str(given) if isinstance(given, int) else "",
)
def test_bad_bodies_are_told(as_: As, body: dict[str, Any], status: int, said: str) -> None:
    answer = as_("viewer").post(LINT, json=body)
    assert answer.status_code == status, answer.text
    assert said in answer.json()["error"]["message"]


def test_usage_by_version_of_the_last_days(as_: As, store: Store) -> None:
    keep(store, "team/answer", "x")
    row = {
        "project_id": "default", "trace_id": "t", "at_us": now_us(), "prompt": "team/answer", "version": 1,
        "label": "production", "cost_nano": 2000, "latency_us": 1500, "input_tokens": 8, "output_tokens": 2,
        "cached": 0, "error": 0, "refused": 1, "guarded": 0,
    }  # fmt: skip
    rows = [{**row, "span_id": "a"}, {**row, "span_id": "b", "at_us": 1}, {**row, "span_id": "c", "label": "beta"}]
    with writing(store.observe) as connection:
        connection.execute(prompt_calls.insert(), rows)
    viewer = as_("viewer")
    for path in ("/api/prompts/team/answer/usage", "/api/prompts/team%2Fanswer/usage"):
        (told,) = viewer.get(path, params={"period": "24h"}).json()["versions"]
        assert (told["version"], told["calls"], told["nano_per_call"], told["latency_p95_us"]) == (1, 2, 2000.0, 1500)
        assert (told["refusals"]["share"], told["tokens_per_call"]) == (1.0, 10.0)
    (told,) = viewer.get(path, params={"label": "beta"}).json()["versions"]
    assert told["calls"] == 1
    assert viewer.get("/api/prompts/none/usage").status_code == 404
    assert viewer.get(path, params={"period": "soon"}).json()["error"]["param"] == "period"
    assert viewer.get(path, params={"label": "No Label"}).status_code == 400
