"""The configuration over HTTP."""

import json
from collections.abc import Callable

import pytest
import yaml
from fastapi.testclient import TestClient

from pilothouse.access import Keys
from pilothouse.api.lifecycle.config import routes
from pilothouse.api.management import management
from pilothouse.config import Config
from pilothouse.errors import ConfigError
from pilothouse.lifecycle.live import LiveConfig, Swap
from pilothouse.principal import Role
from pilothouse.storage import SnapshotStore, Store

As = Callable[[Role], TestClient]

FIRST = {"providers": {"openai": {"api_key": "sk-secret"}}, "rag": {"top_k": 3}}


def prepare(config: Config) -> Swap:
    if "broken" in config.providers:
        raise ConfigError("providers.broken.kind: no such plugin.", param="providers.broken.kind")
    return lambda snapshot: None


@pytest.fixture
def live(store: Store) -> LiveConfig:
    live = LiveConfig(SnapshotStore(store.control, clock=lambda: 1), None, prepare)
    live.put(Config.model_validate(FIRST), author="ana", source="file")
    return live


@pytest.fixture
def as_role(live: LiveConfig, keyring: Keys) -> As:
    """A client with a key of a role in the project `default`."""
    app = management([routes(live)], keyring, 10_000)

    def client(role: Role) -> TestClient:
        secret, _ = keyring.create(f"the {role}", role)
        return TestClient(app, headers={"authorization": f"Bearer {secret}"})

    return client


@pytest.fixture
def client(as_role: As) -> TestClient:
    return as_role("editor")


def test_who_may_read_and_who_may_change(as_role: As) -> None:
    assert as_role("caller").get("/api/config").status_code == 403
    viewer = as_role("viewer")
    assert viewer.get("/api/config/history").status_code == 200
    assert viewer.put("/api/config", json={}).status_code == 403
    assert viewer.post("/api/config/rollback", json={"number": 1}).status_code == 403


def test_what_serves_without_its_secrets(client: TestClient, live: LiveConfig) -> None:
    shown = client.get("/api/config").json()
    assert (shown["number"], shown["author"], shown["problem"]) == (1, "ana", None)
    assert shown["config"] == {"providers": {"openai": {"api_key": "(hidden)"}}, "rag": {"top_k": 3}}
    answer = client.get("/api/config?yaml=true")
    assert answer.headers["content-type"].startswith("application/yaml")
    assert yaml.safe_load(answer.text) == shown["config"]


def test_an_editor_sends_no_secret_elsewhere(as_role: As, live: LiveConfig) -> None:
    editor, admin = as_role("editor"), as_role("admin")
    kept = {"providers": {"openai": {"api_key": "(hidden)", "base_url": "https://evil"}}}
    told = editor.put("/api/config", json=kept)
    assert (told.status_code, told.json()["error"]["param"]) == (400, "providers.openai.api_key")
    assert "'base_url' of its provider" in told.json()["error"]["message"]

    fetched = {"providers": {"mine": {"kind": "openai", "base_url": "https://evil", "api_key": "${OPENAI_API_KEY}"}}}
    checked = editor.post("/api/config/validate", json=fetched).json()
    assert not checked["valid"]
    assert checked["problems"][0].startswith("providers.mine.api_key: sends ${OPENAI_API_KEY} to a new place")
    told = editor.put("/api/config", json=fetched)
    assert (told.status_code, told.json()["error"]["param"]) == (403, "providers.mine.api_key")
    assert live.snapshot.number == 1

    assert admin.put("/api/config", json=fetched).status_code == 200
    assert editor.put("/api/config", json=fetched | {"rag": {"top_k": 4}}).status_code == 200


@pytest.mark.parametrize("kind", ["application/json", "application/yaml"])
def test_a_put_keeps_hidden_secrets_and_serves_at_once(client: TestClient, live: LiveConfig, kind: str) -> None:
    wanted = client.get("/api/config").json()["config"] | {"rag": {"top_k": 9}}
    content = yaml.safe_dump(wanted) if "yaml" in kind else json.dumps(wanted)
    put = client.put("/api/config?expected_number=1", content=content, headers={"content-type": kind})
    assert (put.status_code, put.json()["number"]) == (200, 2)
    assert "sk-secret" not in put.text
    assert live.snapshot.config.rag.top_k == 9
    assert live.snapshot.config.providers["openai"].api_key == "sk-secret"


def test_a_late_put_is_a_conflict_that_says_who_and_what(client: TestClient) -> None:
    client.put("/api/config", json={"rag": {"top_k": 4}})
    late = client.put("/api/config?expected_number=1", json={"rag": {"top_k": 5}})
    assert late.status_code == 409
    assert "(the editor) (api, " in late.json()["error"]["message"]


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        (b"rag:\n  topk: 3\n", "text/yaml", "body:2: rag.topk: unknown key; did you mean 'top_k'?"),
        (b"rag: [\n", "application/x-yaml", "body:2: not valid YAML"),
        (b"\xff", "application/yaml", "not UTF-8"),
        (b'{"rag": {"top_k": 0}}', "application/json", "rag.top_k: Input should be"),
        (b"[1]", "application/json", "must be a JSON object"),
        (
            b"rag: {}",
            "application/x-www-form-urlencoded",
            "YAML needs content-type: application/yaml, not application/x",
        ),
        (b'{"providers": {"broken": {}}}', "application/json", "providers.broken.kind: no such plugin"),
        (b'{"providers": {"new": {"api_key": "(hidden)"}}}', "application/json", "providers.new.api_key: no secret"),
    ],
)
def test_what_cannot_serve_is_refused_with_its_place(
    client: TestClient, live: LiveConfig, content: bytes, kind: str, words: str
) -> None:
    refused = client.put("/api/config", content=content, headers={"content-type": kind})
    assert refused.status_code == 400
    assert words in refused.json()["error"]["message"]
    assert live.snapshot.number == 1


def test_validate_changes_nothing(client: TestClient, live: LiveConfig) -> None:
    good = client.post("/api/config/validate", json={"rag": {"top_k": 4}}).json()
    assert good["valid"]
    assert {"key": "rag.top_k", "old": 3, "new": 4} in good["changes"]
    assert {"key": "providers.openai.api_key", "old": "(hidden)", "new": None} in good["changes"]
    bad = client.post("/api/config/validate", json={"rag": {"top_k": 0}, "foo": 1}).json()
    assert (bad["valid"], len(bad["problems"])) == (False, 2)
    assert live.snapshot.number == 1


@pytest.mark.parametrize("query", ["history?before=", "diff?from=1&to=", "diff?to=1&from="])
def test_a_number_that_no_snapshot_can_have(client: TestClient, query: str) -> None:
    assert client.get(f"/api/config/{query}{10**30}").status_code == 400


def test_history_diff_and_the_way_back(client: TestClient, live: LiveConfig) -> None:
    client.put("/api/config", json={"rag": {"top_k": 4}})
    page = client.get("/api/config/history?limit=1").json()
    assert ([row["number"] for row in page["data"]], page["next"]) == ([2], 2)
    page = client.get("/api/config/history?limit=1&before=2").json()
    assert ([(row["number"], row["source"]) for row in page["data"]], page["next"]) == ([(1, "file")], None)
    changes = client.get("/api/config/diff?from=1&to=2").json()["changes"]
    assert {"key": "rag.top_k", "old": 3, "new": 4} in changes
    assert "sk-secret" not in str(changes)
    assert client.get("/api/config/1").json()["config"]["rag"] == {"top_k": 3}
    back = client.post("/api/config/rollback", json={"number": 1, "expected_number": 2})
    assert back.json()["number"] == 3
    assert live.snapshot.config == Config.model_validate(FIRST)
    assert client.post("/api/config/rollback", json={"number": 9}).status_code == 404
    assert client.get("/api/config/9").status_code == 404
    assert client.get("/api/config/diff?from=1&to=9").status_code == 404
