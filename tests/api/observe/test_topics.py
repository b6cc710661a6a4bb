"""`/api/topics` over a real store: the topics of the caller's project, and the traces of one."""

import pytest
from fastapi.testclient import TestClient

from pilothouse.access import Keys
from pilothouse.access.door import Door
from pilothouse.access.shapes import KeySettings
from pilothouse.api.management import management
from pilothouse.api.observe import topics, traces
from pilothouse.ids import now_us
from pilothouse.observe import Drainer, Prices, SpoolRecorder, Traces
from pilothouse.observe.topics.report import TopicReports
from pilothouse.settings import Settings
from pilothouse.storage import Spool, Store
from pilothouse.storage.changes import Changes

from ...observe.asking import ask


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_topics_of_the_callers_project_and_their_traces(store: Store, settings: Settings, keyring: Keys) -> None:
    spool = Spool.open(settings.home, 10_000_000)
    drainer = Drainer(spool, store, settings.home)
    ask(store, SpoolRecorder(spool), drainer, now_us())
    drainer.stop()
    spool.close()
    changes = Changes(store.control)
    routers = [topics.routes(TopicReports(store)), traces.routes(Traces(store), Prices())]
    with TestClient(management(routers, keyring, 100_000, door=Door(keyring, changes))) as client:
        for project, found in (("default", ["refund", "door"]), ("shop", [])):
            key, _ = keyring.create(project, "viewer", KeySettings(project_id=project))
            headers = {"authorization": f"Bearer {key}"}
            told = client.get("/api/topics", headers=headers).json()
            assert [one["id"] for one in told["data"]] == found
            assert (told["questions"], told["requests"]) == ((40, 40) if found else (0, 0))
            assert bool(told["why"]) is not bool(found)
            listed = client.get("/api/traces?topic=door", headers=headers).json()["data"]
            assert len(listed) == (10 if found else 0)
        assert client.get("/api/topics?until_us=5", headers=headers).status_code == 400
        assert client.get("/api/topics").status_code == 401
    changes.close()
