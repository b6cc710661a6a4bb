"""`/api/route` and `/api/shadow`: who may ask, and what a decision takes into account."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from pilothouse.access.shapes import KeySettings
from pilothouse.api.gateway.route import routes
from pilothouse.api.lifecycle.shadow import routes as shadow_routes
from pilothouse.api.management import management
from pilothouse.app import Platform, build
from pilothouse.lifecycle.shadow import ShadowReports
from pilothouse.settings import Settings

HELLO = [{"role": "user", "content": "hello"}]
TOOLS = [{"type": "function", "function": {"name": "f"}}]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("api-route")
    config = folder / "pilothouse.yaml"
    config.write_text(
        """
        models:
          fast: {deployments: [{provider: builtin, model: echo}]}
          smart: {deployments: [{provider: builtin, model: extractive}]}
          auto: {strategy: complexity, simple: fast, complex: smart, rules: [{when: {tools: true}, use: smart}]}
        """
    )
    with build(Settings(home=folder / "home", config=config, models=models_dir)) as platform:
        yield platform


@pytest.fixture(scope="module")
def client(platform: Platform) -> Iterator[TestClient]:
    routers = [
        routes(platform.gateway, platform.complexity, platform.recorder),
        shadow_routes(ShadowReports(platform.store.observe)),
    ]
    with TestClient(management(routers, platform.keys, 10_000_000)) as client:
        yield client


def auth(platform: Platform, role: str, **settings: object) -> dict[str, str]:
    secret = platform.keys.create("k", role=role, settings=KeySettings(**settings))[0]  # type: ignore[arg-type]
    return {"authorization": f"Bearer {secret}"}


def test_callers_may_ask_and_viewers_may_not(client: TestClient, platform: Platform) -> None:
    body = {"messages": HELLO}
    answer = client.post("/api/route", json=body, headers=auth(platform, "caller")).json()
    assert answer["model"] in ("fast", "smart")
    assert 0 <= answer["probability"] <= 1
    assert client.post("/api/route", json=body, headers=auth(platform, "viewer")).status_code == 403
    limited = auth(platform, "caller", policy={"models": ["fast"]})
    assert client.post("/api/route", json=body, headers=limited).status_code == 403


def test_a_question_counts_as_a_request(client: TestClient, platform: Platform) -> None:
    limited = auth(platform, "caller", limits={"requests_per_minute": 2})
    answers = [client.post("/api/route", json={"messages": HELLO}, headers=limited) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].json()["error"]["code"] == "rate_limit_exceeded"
    assert answers[-1].headers["x-ratelimit-limit-requests"] == "2"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60


def test_rules_go_before_complexity(client: TestClient, platform: Platform) -> None:
    body = {"messages": HELLO, "tools": TOOLS}
    answer = client.post("/api/route", json=body, headers=auth(platform, "caller")).json()
    assert (answer["model"], answer["probability"]) == ("smart", None)
    assert "rule 1" in answer["reason"]


@pytest.mark.parametrize(
    "body", [{}, {"messages": []}, {"messages": [{"content": "x"}]}, {"messages": HELLO, "model": "\n"}]
)
def test_what_is_no_request_is_refused(client: TestClient, platform: Platform, body: dict[str, object]) -> None:
    assert client.post("/api/route", json=body, headers=auth(platform, "caller")).status_code == 400


def test_shadow_reports_are_for_those_who_may_look(client: TestClient, platform: Platform) -> None:
    assert client.get("/api/shadow", headers=auth(platform, "viewer")).json() == []
    assert client.get("/api/shadow", headers=auth(platform, "caller")).status_code == 403
