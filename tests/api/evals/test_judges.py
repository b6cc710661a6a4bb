"""Judges and the leaderboard over HTTP."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from pilothouse.access import Keys, Tenants
from pilothouse.access.shapes import KeySettings, TenantSettings
from pilothouse.api.evals import judges
from pilothouse.api.management import management
from pilothouse.config import Config
from pilothouse.settings import Settings
from pilothouse.storage import open_store
from pilothouse.storage.evaluating.eval_runs import EvalRuns

from ...evals.cards.kept import begin, outcome

As = Callable[..., TestClient]
LEVELS = [1 + i * 3 % 5 for i in range(60)]
LABELS = [{"case": f"c{i:03}", "label": LEVELS[i], "criterion": "clarity"} for i in range(40)]


@pytest.fixture
def as_(tmp_path: Path) -> Iterator[As]:
    """A client with a key of a role in a project; there is a run `nightly` with judges."""
    store = open_store(Settings(home=tmp_path))
    keys = Keys(store.control)
    keys.set_master("ph-master")
    Tenants(store.control).create("project", "shop", TenantSettings(name="Shop"))
    run = begin(EvalRuns(store))
    EvalRuns(store).put("default", run.id, [outcome(i, level) for i, level in enumerate(LEVELS)])
    app = management([judges.routes(store, Config)], keys, 10_000_000)

    def client(role: Any = "editor", project: str = "default") -> TestClient:
        secret, _ = keys.create(f"{role} of {project}", role, KeySettings(project_id=project))
        return TestClient(app, headers={"authorization": f"Bearer {secret}"}, raise_server_exceptions=False)

    yield client
    store.close()


def test_cards_are_made_listed_read_and_forgotten(as_: As) -> None:
    editor, viewer = as_(), as_("viewer")
    made = editor.post("/api/evals/judges", json={"runs": ["nightly"], "evaluator": "quality", "labels": LABELS})
    assert made.status_code == 201, made.text
    card = next(one for one in made.json()["data"] if one["criterion"] == "clarity")
    assert (card["labelled"], card["kappa"]["value"], card["judge"]["model"]) == (40, 1.0, "gpt-4o")
    first = viewer.get("/api/evals/judges?limit=1").json()
    rest = viewer.get(f"/api/evals/judges?after={first['next']}").json()
    assert (len(first["data"]), len(rest["data"]), rest["next"]) == (1, 1, None)
    assert viewer.get(f"/api/evals/judges/{card['id']}").json() == card
    assert viewer.delete(f"/api/evals/judges/{card['id']}").status_code == 403
    assert as_("viewer", "shop").get("/api/evals/judges").json()["data"] == []
    assert editor.delete(f"/api/evals/judges/{card['id']}").status_code == 204
    assert viewer.get(f"/api/evals/judges/{card['id']}").status_code == 404


def test_an_estimate(as_: As) -> None:
    body = {"run": "nightly", "metric": "quality", "criterion": "clarity", "labels": LABELS}
    told = as_().post("/api/evals/judges/estimate", json=body).json()
    assert (told["labelled"], told["judged"], told["biased"]) == (40, 20, None)
    assert told["together"]["low"] < told["together"]["value"] < told["together"]["high"]


@pytest.mark.parametrize(
    ("change", "status", "why"),
    [
        ({"labels": [{"case": "c000"}]}, 400, "labels[0]: 'label' is missing"),
        ({"queue": "q"}, 400, "not both"),
        ({"labels": None, "queue": "q"}, 404, "no review queue 'q'"),
        ({"metric": "tone"}, 400, "has no evaluator 'tone'"),
        ({"run": "none"}, 404, "no run 'none'"),
        ({"run": "\0"}, 404, "no run"),
        ({"labels": [{"case": "c000", "label": 1e400}]}, 400, ""),
        ({"more": 1}, 400, "more"),
    ],
    ids=["label", "both", "queue", "metric", "run", "nul", "infinite", "unknown"],
)
def test_what_is_wrong_is_said(as_: As, change: dict[str, Any], status: int, why: str) -> None:
    body = {"run": "nightly", "metric": "quality", "criterion": "clarity", "labels": LABELS, **change}
    if why:
        answer = as_().post("/api/evals/judges/estimate", json=body)
    else:
        text = '{"run": "nightly", "metric": "quality", "labels": [{"case": "c000", "label": 1e400}]}'
        answer = as_().post("/api/evals/judges/estimate", content=text, headers={"content-type": "application/json"})
    assert (answer.status_code, why in answer.text) == (status, True), answer.text


def test_the_leaderboard(as_: As) -> None:
    board = as_("viewer").get("/api/evals/leaderboard?suite=support&rank=model").json()
    assert [(one["name"], one["held"]) for one in board["standings"]] == [
        ("gpt-4.1", True), ("baseline (support)", True),
    ]  # fmt: skip
    assert board["comparisons"] == 60
    assert as_("viewer").get("/api/evals/leaderboard?by=nobody").status_code == 400
    assert as_("viewer", "shop").get("/api/evals/leaderboard").json()["comparisons"] == 0
