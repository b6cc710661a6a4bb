"""`/api/stats` over a real store: the figures of the caller's project, and clear refusals."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import insert

from pilothouse.access import Keys
from pilothouse.access.door import Door
from pilothouse.access.shapes import KeySettings
from pilothouse.api.management import management
from pilothouse.api.observe.stats import routes
from pilothouse.ids import now_us
from pilothouse.observe import Drainer, SpoolRecorder
from pilothouse.settings import Settings
from pilothouse.storage import Spool, Store, writing
from pilothouse.storage.changes import Changes
from pilothouse.storage.tables import drifts

from ...observe.making import drift_rows
from ...observe.seeded import Asked, naive, traffic, within
from ..conftest import As


@pytest.fixture
def asked(store: Store, settings: Settings) -> list[Asked]:
    made = [*traffic(now_us(), 90), *traffic(now_us(), 40, seed=2, project="shop")]
    spool = Spool.open(settings.home, 10_000_000)
    for one in made:
        for span in one.spans:
            SpoolRecorder(spool).record(span)
    Drainer(spool, store, settings.home).stop()
    spool.close()
    return made


@pytest.fixture
def as_(store: Store, keyring: Keys) -> Iterator[As]:
    changes = Changes(store.control)
    keyring.watch(changes)
    app = management([routes(store)], keyring, 100_000, door=Door(keyring, changes))

    def client(role: object = None, project: str = "default") -> TestClient:
        secret = "ph-master"
        if role is not None:
            secret, _ = keyring.create("k", role, KeySettings(project_id=project))  # type: ignore[arg-type]
        return TestClient(app, headers={"authorization": f"Bearer {secret}"}, raise_server_exceptions=False)

    yield client
    changes.close()


def test_the_last_seven_days(as_: As, asked: list[Asked]) -> None:
    told = as_("viewer").get("/api/stats", params={"series": "true", "compare": "true", "by": "feature"}).json()
    mine = [one for one in asked if one.root.project_id == "default"]
    expected = naive(within(mine, told["since_us"], told["until_us"]))
    assert {name: told["total"][name] for name in expected} == expected
    before = naive(within(mine, told["before"]["since_us"], told["before"]["until_us"]))
    assert {name: told["before"]["total"][name] for name in before} == before
    assert (told["grain"], len(told["series"])) == ("hour", 168)
    assert {one["value"] for one in told["values"]} == {"search", "answers"}
    assert set(told["total"]["latency_us"]) == {"p50", "p95", "p99"}


def test_narrowed_to_an_exact_window(as_: As, asked: list[Asked]) -> None:
    since = now_us() // 86_400_000_000 * 86_400_000_000 - 5 * 86_400_000_000
    query = {
        "since_us": since,
        "until_us": since + 2 * 86_400_000_000,
        "grain": "day",
        "model": "gpt-4o",
        "key": "key-1",
    }
    told = as_().get("/api/stats", params=query).json()
    mine = [one for one in asked if one.root.project_id == "default"]
    inside = within(mine, since, since + 2 * 86_400_000_000, model="gpt-4o", key="key-1")
    assert told["total"]["calls"] == len(inside)
    assert told["only"] == {"model": "gpt-4o", "key": "key-1"}


def test_each_key_sees_its_project(as_: As, asked: list[Asked]) -> None:
    shop = naive(one for one in asked if one.root.project_id == "shop")
    assert as_("viewer", "shop").get("/api/stats?period=4w").json()["total"]["requests"] == shop["requests"]
    assert as_().get("/api/stats?period=4w&project_id=shop").json()["total"]["requests"] == shop["requests"]
    assert as_("viewer", "shop").get("/api/stats?project_id=default").status_code == 403
    assert as_("caller").get("/api/stats").status_code == 403


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("period=week", "no length of time"),
        ("by=colour", "'colour' is no dimension. There are: model,"),
        ("perod=7d", "'perod' is no dimension"),
        ("model=a&team=b", "together are not kept"),
        ("until_us=5", "needs a `since_us`"),
        ("since_us=9&until_us=5", "begins before it ends"),
        ("since_us=-1", "since_us: "),
        ("grain=week", "grain: "),
        ("limit=0", "limit: "),
        ("since_us=0&until_us=9000000000000000", "ten years at most"),
        ("period=200d&grain=hour", "62 days at most"),
    ],
)
def test_refusals(as_: As, query: str, said: str) -> None:
    answer = as_().get(f"/api/stats?{query}")
    assert answer.status_code == 400
    assert said in answer.json()["error"]["message"]


def test_hostile_values_find_nothing(as_: As) -> None:
    for value in ("%00", "%25", "a%1fb", "%ed%a0%80", "x" * 5000):
        told = as_().get(f"/api/stats?model={value}&feature={value}")
        assert (told.status_code, told.json()["total"]["calls"]) == (200, 0)


def test_drift_is_told_by_day_the_newest_first(as_: As, store: Store) -> None:
    today = now_us() // 86_400_000_000
    with writing(store.observe) as connection:
        connection.execute(insert(drifts), [*drift_rows(today), *drift_rows(today, "shop")])
    told = as_("viewer").get("/api/stats/drift").json()
    assert told["project_id"] == "default"
    assert [one["measure"] for one in told["days"][:3]] == ["questions", "latency", "score helpful"]
    assert len(told["days"]) == 9
    first = told["days"][0]
    assert first["day"] == str(date(1970, 1, 1) + timedelta(days=today - 1))
    assert (first["kind"], first["effect"], first["p"], first["samples"]) == ("input", 0.412, 0.0005, 200)
    assert len(as_("viewer").get("/api/stats/drift", params={"days": 2}).json()["days"]) == 3
    assert as_("viewer").get("/api/stats/drift", params={"days": 0}).status_code == 400
