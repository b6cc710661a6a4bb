"""`/api/sessions` over a real store."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from pilothouse.access import Keys
from pilothouse.api.management import management
from pilothouse.api.observe import scores, sessions
from pilothouse.api.observe.one_by_one import OneByOne
from pilothouse.observe import Drainer, SpoolRecorder, Traces
from pilothouse.observe.scores import Scores
from pilothouse.settings import Settings
from pilothouse.storage import Spool, open_store

from ...observe.making import step


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    settings = Settings(home=tmp_path / "home")
    store = open_store(settings)
    spool = Spool.open(settings.home, 10_000_000)
    for number, session in enumerate(("chat/1", "chat/1", "other"), 1):
        made = step("root", trace_id=f"t{number}", at=number * 1000, session_id=session, user_id="ada")
        SpoolRecorder(spool).record(made)
    Drainer(spool, store, settings.home).stop()
    keys = Keys(store.control)
    headers = {"authorization": f"Bearer {keys.in_process()}"}
    routers = [sessions.routes(Traces(store)), scores.routes(Scores(store), OneByOne())]
    with TestClient(management(routers, keys, 1000), headers=headers) as client:
        yield client
    spool.close()
    store.close()


def test_the_list_goes_on(client: TestClient) -> None:
    page = client.get("/api/sessions", params={"limit": 1}).json()
    assert [row["id"] for row in page["data"]] == ["other"]
    after = client.get("/api/sessions", params={"before": page["next"], "user": "ada"}).json()
    assert [(row["id"], row["turns"]) for row in after["data"]] == [("chat/1", 2)]
    assert client.get("/api/sessions", params={"text": "nothing"}).json() == {"data": [], "next": None}
    assert client.get("/api/sessions", params={"before": "nonsense"}).status_code == 400


def test_one_with_its_scores(client: TestClient) -> None:
    for name, judged in (("solved", {"session_id": "chat/1"}), ("tone", {"trace_id": "t1"})):
        sent = {"name": name, "value": 0.5, "comment": "Well.", **judged}
        assert client.post("/api/scores", json=sent).status_code == 200
    told = client.get("/api/sessions/chat/1").json()
    assert (told["id"], told["turns"], told["users"], told["scores"]) == ("chat/1", 2, ["ada"], {"tone": 0.5})
    (judgement,) = told["judgements"]
    assert (judgement["name"], judgement["value"], judgement["comment"]) == ("solved", 0.5, "Well.")


def test_what_is_not_there(client: TestClient) -> None:
    assert client.get("/api/sessions/none").status_code == 404
