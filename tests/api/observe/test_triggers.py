"""`/api/guards/rates` and `/triggers` over a real store: what is told, and what is marked."""

from fastapi.testclient import TestClient

from pilothouse.access import Keys
from pilothouse.access.door import Door
from pilothouse.api.management import management
from pilothouse.api.observe.one_by_one import OneByOne
from pilothouse.api.observe.triggers import routes
from pilothouse.observe import Drainer, SpoolRecorder
from pilothouse.observe.scores import Scores
from pilothouse.settings import Settings
from pilothouse.storage import Spool, Store
from pilothouse.storage.changes import Changes

from ...observe.test_triggers import AT, HOUR, call, found

WHEN = {"since_us": AT - HOUR, "until_us": AT + HOUR}


def test_rates_triggers_and_marks(store: Store, settings: Settings, keyring: Keys) -> None:
    spool = Spool.open(settings.home, 10_000_000)
    for span in (call("a"), call("b"), found("a"), found("a", number=1), found("b", "injection", "failed")):
        SpoolRecorder(spool).record(span)
    Drainer(spool, store, settings.home).stop()
    spool.close()
    changes = Changes(store.control)
    app = management([routes(store, Scores(store), OneByOne())], keyring, 100_000, door=Door(keyring, changes))
    secret, _ = keyring.create("k", "editor")
    with TestClient(app, headers={"authorization": f"Bearer {secret}"}) as client:
        listed = client.get("/api/guards/triggers", params={"guard": "pii", "limit": 1}).json()["triggers"]
        assert [(one["guard"], one["reason"], one["right"]) for one in listed] == [("pii", "It holds one.", None)]
        mark = {"trace_id": "a", "span_id": listed[0]["span_id"], "right": False}
        assert client.post("/api/guards/triggers/mark", json=mark).json()["right"] is False
        assert client.post("/api/guards/triggers/mark", json={**mark, "span_id": "x"}).status_code == 404

        pii, injection = client.get("/api/guards/rates", params={**WHEN, "series": "true"}).json()["rates"]
        assert (pii["looked"], pii["triggered"], pii["rate"], pii["marked"], pii["right"]) == (2, 1, 0.5, 1, 0.0)
        assert 0 < pii["low"] < 0.5 < pii["high"] < 1
        assert [(one["looked"], one["triggered"]) for one in pii["series"]] == [(2, 1)]
        assert (injection["triggered"], injection["failed"]) == (0, 1)
        first, _ = client.get("/api/guards/rates", params={**WHEN, "by": "version"}).json()["rates"]
        assert (first["version"], first["guard"], first["marked"]) == ("standard@1", "pii", 0)
    changes.close()
