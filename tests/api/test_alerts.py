"""`/api/alerts` over a real store."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from pilothouse.access import Keys
from pilothouse.access.shapes import KeySettings
from pilothouse.alerts.book import Noticed
from pilothouse.alerts.rooms import AlertRooms, open_alerts
from pilothouse.api.alerts import routes
from pilothouse.api.management import management
from pilothouse.ids import now_us
from pilothouse.monitoring import AlertsConfig
from pilothouse.observe import Metrics
from pilothouse.storage import Store

_CONFIG = AlertsConfig.model_validate({"channels": {"ops": {"kind": "slack", "url": "http://127.0.0.1:1/"}}})


@pytest.fixture
def rooms(store: Store) -> AlertRooms:
    return open_alerts(store, Metrics(), lambda: _CONFIG, "https://ph.example.com")


@pytest.fixture
def keyring(store: Store) -> Keys:
    made = Keys(store.control)
    made.set_master("ph-master")
    return made


@pytest.fixture
def client(rooms: AlertRooms, keyring: Keys) -> Iterator[TestClient]:
    app = management([routes(rooms)], keyring, 100_000)
    with TestClient(app, headers={"authorization": "Bearer ph-master"}, raise_server_exceptions=False) as client:
        yield client
        assert client.portal is not None
        client.portal.call(rooms.senders.aclose)


def _open(rooms: AlertRooms, subject: str = "", project: str = "default") -> str:
    noticed = Noticed("errors", subject, "critical", "Many failed.", "/console/traces", 0.3, 0.05, 100, ["ops"])
    made = rooms.book.open(project, noticed)
    assert made is not None
    return made.id


def test_alerts_with_the_messages_that_told_of_them(rooms: AlertRooms, client: TestClient) -> None:
    alert_id = _open(rooms)
    _open(rooms, project="shop")
    (alert,) = client.get("/api/alerts", params={"status": "open"}).json()
    assert (alert["id"], alert["rule"], alert["value"]) == (alert_id, "errors", 0.3)
    assert alert["messages"] == [
        {"channel": "ops", "event": "alert.fired", "status": "waiting", "attempts": 0, "error": None}
    ]
    assert client.get(f"/api/alerts/{alert_id}").json() == alert
    assert client.get("/api/alerts", params={"project_id": "shop"}).json()[0]["id"] != alert_id
    assert client.get("/api/alerts/none").status_code == 404
    assert client.get("/api/alerts", params={"status": "new"}).status_code == 400
    rules = client.get("/api/alerts/rules").json()
    assert rules[0]["name"] == "spend"


def test_silences_begin_and_end(client: TestClient) -> None:
    until = now_us() + 60_000_000
    made = client.post("/api/alerts/silences", json={"until_us": until, "rule": "spend", "comment": "a test"})
    assert made.status_code == 200, made.text
    assert client.get("/api/alerts/silences").json() == [made.json()]
    assert client.delete(f"/api/alerts/silences/{made.json()['id']}").status_code == 204
    assert client.get("/api/alerts/silences").json() == []
    assert client.delete("/api/alerts/silences/none").status_code == 404
    for bad in ({"until_us": 5}, {"until_us": until, "rules": "spend"}, {"until_us": until, "rule": "a\0"}, {}):
        assert client.post("/api/alerts/silences", json=bad).status_code == 400, bad


def test_a_test_says_what_went_wrong(client: TestClient) -> None:
    found = client.post("/api/alerts/test", json={}).json()
    assert "cannot be reached" in found["ops"]
    assert client.post("/api/alerts/test", json={"channels": ["pager"]}).status_code == 404


def test_who_may_do_what(client: TestClient, keyring: Keys) -> None:
    def ask(role: str, method: str, path: str, body: object = None) -> int:
        secret, _ = keyring.create(role, role, KeySettings())  # type: ignore[arg-type]
        return client.request(method, path, json=body, headers={"authorization": f"Bearer {secret}"}).status_code

    until = {"until_us": now_us() + 60_000_000}
    assert ask("caller", "GET", "/api/alerts") == 403
    assert ask("viewer", "GET", "/api/alerts") == 200
    assert ask("viewer", "POST", "/api/alerts/silences", until) == 403
    assert ask("editor", "POST", "/api/alerts/silences", until) == 200
    assert ask("editor", "POST", "/api/alerts/test", {}) == 403
