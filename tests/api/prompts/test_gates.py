"""`/api/prompts/{name}/evaluate` and `/verdicts`: an order becomes a job, and what was decided is listed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from pilothouse.access import Keys, Tenants
from pilothouse.access.audit import Actor
from pilothouse.access.shapes import KeySettings, TenantSettings
from pilothouse.alerts.book import Book
from pilothouse.api.management import management
from pilothouse.api.prompts.gates import routes
from pilothouse.config import Config
from pilothouse.lifecycle.prompting.queueing import TASK
from pilothouse.lifecycle.prompting.rooms import PromptRooms, open_prompts
from pilothouse.notify.outbox import Outbox
from pilothouse.prompts.content import content_of
from pilothouse.settings import Settings
from pilothouse.storage import Jobs, Store, open_store
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.storage.evaluating.datasets import Datasets
from pilothouse.storage.prompting.verdicts import KeptVerdict
from pilothouse.storage.prompting.watches import Watched

RULE: dict[str, Any] = {"suite": {"dataset": "d", "evaluators": ["exact"]}}
NAME = "support/rag"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(Settings(home=tmp_path))
    Tenants(made.control).create("project", "shop", TenantSettings(name="Shop"))
    yield made
    made.close()


@pytest.fixture
def rooms(store: Store) -> PromptRooms:
    config = Config.model_validate({"prompts": {"protected": [{**RULE, "prompts": "support/*"}]}})
    book = Book(store.control, Outbox(store.control), lambda link: link)
    made = open_prompts(store, book, lambda: config)
    datasets = Datasets(store)
    datasets.create("shop", "empty")
    datasets.change("shop", datasets.create("shop", "d"), [NewItem(input={}, expected="Hi")])
    for name, template in ((NAME, "Hi"), (NAME, "Hello"), ("open", "Hi")):
        made.prompts.create("shop", name, content_of({"template": template, "model": "m"}), by=Actor("ada", "api"))
    return made


@pytest.fixture
def client(store: Store, rooms: PromptRooms, tmp_path: Path) -> TestClient:
    keys = Keys(store.control)
    keys.set_master("ph-master")
    app = management([routes(rooms.gate, rooms.watch, Jobs(store.control), Settings(home=tmp_path))], keys, 100_000)
    reader, _ = keys.create("reader", "viewer", KeySettings(project_id="shop"))
    made = TestClient(app, headers={"authorization": "Bearer ph-master"}, raise_server_exceptions=False)
    made.params = {"project_id": "shop"}
    made.extra = reader  # type: ignore[attr-defined]
    return made


@pytest.mark.parametrize("path", ["support/rag", "support%2Frag"])
def test_an_order_waits_as_a_job_of_who_asked(client: TestClient, store: Store, tmp_path: Path, path: str) -> None:
    told = client.post(f"/api/prompts/{path}/evaluate", json={"version": 1})
    assert told.status_code == 202, told.text
    job = Jobs(store.control).get(told.json()["id"], project_id="shop")
    assert job.task == TASK
    assert job.payload == {
        "home": str(tmp_path), "config": None, "project": "shop", "name": NAME, "order": {"version": 1}, "key_id": "",
        "actor": "master (master key)", "source": "api",
    }  # fmt: skip
    assert client.post(f"/api/prompts/{path}/evaluate").status_code == 202  # the newest


@pytest.mark.parametrize(
    ("path", "body", "status", "told"),
    [
        (NAME, {"version": 9}, 404, "9"),
        ("gone", {}, 404, "gone"),
        (NAME, {"rule": {"evaluators": ["exact"]}}, 400, "name the cases"),
        (NAME, {"rule": {"evaluators": ["exact"], "dataset": "none"}}, 400, "There is no dataset 'none'"),
        (NAME, {"rule": {"evaluators": ["exact"], "dataset": "empty"}}, 400, "'empty' has no cases"),
        ("open", {}, 400, "Nothing says by what 'open' is judged for 'production'"),
        (NAME, {"label": "bad label"}, 400, "is no label"),
        (NAME, {"rule": {**RULE, "metric": "x"}}, 400, "no evaluator of the suite is named 'x'"),
        (NAME, {"cases": "x"}, 400, "cases"),
        (
            NAME,
            {"cases": [{"input": {"x": 1}}]},
            400,
            "Case 1, '000001', does not fit support/rag@2: The prompt has no",
        ),
        ("a\ud800b", {}, 404, "no prompt"),
        ("a\0b", {}, 400, "printable"),
    ],
    ids=range(12),
)
def test_what_is_wrong_is_told_at_once(client: TestClient, path: str, body: Any, status: int, told: str) -> None:
    answer = client.post(f"/api/prompts/{quoted(path)}/evaluate", json=body)
    assert answer.status_code == status, answer.text
    assert told in answer.json()["error"]["message"]


def quoted(path: str) -> str:
    return "".join(f"%{byte:02x}" for byte in path.encode("utf-8", "surrogatepass"))


def test_verdicts_are_read_in_pages_and_readers_judge_nothing(client: TestClient, rooms: PromptRooms) -> None:
    for number in range(3):
        body = {"reasons": [] if number else ["It got worse."], "notes": [], "differences": []}
        rooms.gate.verdicts.put(
            "shop",
            KeptVerdict(
                f"v{number}", NAME, 1 + number % 2, "production", None, "r", None, None, "run", None, bool(number),
                "ada", number, body,
            ),
        )  # fmt: skip
    url = f"/api/prompts/{NAME}/verdicts"
    page = client.get(url, params={"limit": 2}).json()
    assert ([one["id"] for one in page["data"]], page["next"]) == (["v2", "v1"], "v1")
    last = client.get(url, params={"limit": 2, "before": "v1"}).json()
    assert [(one["passed"], one["reasons"]) for one in last["data"]] == [(False, ["It got worse."])]
    assert [one["id"] for one in client.get(url, params={"version": 2}).json()["data"]] == ["v1"]
    figures = [{"name": "errors", "got_worse": True}]
    body = {"figures": figures, "says": "It does worse.", "scales": {"errors": 1.0}}
    rooms.watch.watches.put(Watched("shop", NAME, "production", "m1", "a1", True, 7, body))
    (watched,) = client.get(f"/api/prompts/{NAME}/watch").json()["data"]
    assert watched == {
        "label": "production", "move": "m1", "alert": "a1", "went_back": True, "looked_us": 7, "figures": figures,
        "says": "It does worse.", "failed": None,
    }  # fmt: skip
    assert client.post(f"/api/prompts/{NAME}/watch").json() == {"data": []}  # no label of it was promoted
    for path in ("verdicts", "watch"):
        assert client.get(f"/api/prompts/gone/{path}").status_code == 404
    client.headers["authorization"] = f"Bearer {client.extra}"  # type: ignore[attr-defined]
    assert client.get(url).status_code == 200
    assert client.post(f"/api/prompts/{NAME}/evaluate").status_code == 403
    assert client.post(f"/api/prompts/{NAME}/watch").status_code == 403
