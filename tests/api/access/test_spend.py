"""`/api/ledger` and `/api/budgets` over a real store."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from pilothouse.access import Keys, Tenants
from pilothouse.access.budgets import Budgets
from pilothouse.access.door import Door
from pilothouse.access.shapes import KeySettings, TenantChange
from pilothouse.api.access.spend import routes
from pilothouse.api.management import management
from pilothouse.config import Budget, Config
from pilothouse.ids import new_id, now_us
from pilothouse.observe.costs.charges import Charge, enter
from pilothouse.observe.costs.ledger import Ledger
from pilothouse.storage import Store, writing
from pilothouse.storage.changes import Changes
from pilothouse.storage.memory_counters import MemoryCounters

from ..conftest import As

NOW = now_us()
TODAY = datetime.fromtimestamp(NOW / 1e6, UTC).date()
CONFIG = {
    "providers": {"openai": {}},
    "models": {"fast": {"deployments": [{"provider": "openai", "model": "gpt-4o", "budgets": [{"usd": 5}]}],
                        "budgets": [{"tokens": 1000, "period": "day"}]}},
}  # fmt: skip


@pytest.fixture
def as_(store: Store, keyring: Keys) -> Iterator[As]:
    """A client with the master key, or with a key of a role in a project."""
    ledger, tenants = Ledger(store), Tenants(store.control)
    budgets = Budgets(MemoryCounters(), ledger, Config.model_validate(CONFIG))
    tenants.update("organisation", "default", TenantChange(budgets=[Budget(usd=100)]))  # type: ignore[call-arg]
    tenants.update("project", "shop", TenantChange(budgets=[Budget(usd=1, period="total")]))  # type: ignore[call-arg]
    changes = Changes(store.control)
    keyring.watch(changes)
    app = management([routes(ledger, budgets, tenants, keyring)], keyring, 10_000, door=Door(keyring, changes))

    def client(role: Any = None, project: str = "default") -> TestClient:
        secret = "ph-master"
        if role is not None:
            secret, _ = keyring.create(f"{role} of {project}", role, KeySettings(project_id=project))
        return TestClient(app, headers={"authorization": f"Bearer {secret}"}, raise_server_exceptions=False)

    yield client
    changes.close()


@pytest.fixture(autouse=True)
def spent(store: Store) -> None:
    """Three calls: two of the shop, the older one yesterday, and one of the default project."""
    with writing(store.observe) as connection:
        for number, project in enumerate(("default", "shop", "shop")):
            at = NOW - (86_400_000_000 if number == 1 else 0)
            accounts = ["org:default", f"project:{project}", "deployment:openai/gpt-4o", f"model:{project}/fast"]
            charge = Charge(
                new_id(at + number * 1000), project, at, accounts, (number + 1) * 300_000_000, 100, 10, model="gpt-4o"
            )  # fmt: skip
            enter(connection, [charge])


def test_entries_of_a_project_newest_first(as_: As) -> None:
    shop = as_("viewer", "shop")
    page = shop.get("/api/ledger", params={"limit": 1}).json()
    assert [entry["nano"] for entry in page["data"]] == [900_000_000]
    after = shop.get("/api/ledger", params={"before": page["next"]}).json()
    assert [entry["nano"] for entry in after["data"]] == [600_000_000]
    assert after["next"] is None
    found = shop.get("/api/ledger", params={"account": "project:shop", "since": str(TODAY), "kind": "call"}).json()
    assert len(found["data"]) == 1
    assert shop.get("/api/ledger", params={"until": "1970-01-01"}).json()["data"] == []


def test_spending_by_day_and_by_account(as_: As) -> None:
    shop = as_("viewer", "shop")
    days = shop.get("/api/ledger/spend", params={"account": "project:shop"}).json()
    assert [(row["day"], row["nano"], row["tokens"]) for row in days] == [
        (str(TODAY - timedelta(days=1)), 600_000_000, 110), (str(TODAY), 900_000_000, 110)
    ]  # fmt: skip
    assert {row["account"] for row in shop.get("/api/ledger/accounts").json()} == {"project:shop", "model:shop/fast"}
    everything = as_().get("/api/ledger/accounts", params={"project_id": "shop", "limit": 1}).json()
    assert everything == [
        {"account": "deployment:openai/gpt-4o", "nano": 1_800_000_000, "tokens": 330, "calls": 3, "unpriced": 0}
    ]


def test_what_others_spent_is_not_shown(as_: As) -> None:
    shop = as_("admin", "shop")
    for account in ("org:default", "deployment:openai/gpt-4o"):
        assert shop.get("/api/ledger/spend", params={"account": account}).status_code == 403
    assert as_().get("/api/ledger/spend", params={"account": "org:default"}).json()[-1]["calls"] == 2
    assert shop.post("/api/ledger/rebuild").status_code == 403
    assert shop.post("/api/ledger/reconcile", params={"month": "2026-11"}, content=b"x").status_code == 403
    assert shop.get("/api/ledger", params={"project_id": "default"}).status_code == 403


def test_budgets_and_where_they_stand(as_: As) -> None:
    rows = {row["account"]: row for row in as_().get("/api/budgets").json()}
    assert rows.keys() >= {"org:default", "project:shop", "deployment:openai/gpt-4o", "model:default/fast"}
    shop = rows["project:shop"]
    assert (shop["fund"], shop["ends"], shop["limit_nano"]) == ("project:shop|total", None, 10**9)
    assert (shop["nano"], shop["held_nano"], shop["alert"]) == (1_500_000_000, 0, True)
    assert (rows["model:shop/fast"]["tokens"], rows["model:shop/fast"]["alert"]) == (110, False)
    assert rows["model:shop/fast"]["ends"] == str(TODAY + timedelta(days=1))
    own = {row["account"] for row in as_("admin", "shop").get("/api/budgets").json()}
    assert own == {"project:shop", "model:shop/fast"}


def test_rebuilding_and_reconciling(as_: As) -> None:
    master = as_()
    assert master.post("/api/ledger/rebuild").json()["corrected"] == 0
    bill = f"date,model,input_tokens,output_tokens,cost_usd\n{TODAY},gpt-4o,200,20,1.2\n".encode()
    month = f"{TODAY:%Y-%m}"
    report = master.post("/api/ledger/reconcile", params={"month": month}, content=bill).json()
    assert report["their_nano"] == 1_200_000_000
    assert str(TODAY) not in [row["day"] for row in report["differences"]]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/ledger?limit=0", 400),
        ("GET", "/api/ledger?since=yesterday", 400),
        ("GET", "/api/ledger?account=%00&before=%00", 200),
        ("GET", "/api/ledger?kind=theft", 400),
        ("GET", "/api/ledger/spend", 400),
        ("GET", "/api/ledger/spend?account=%00%22", 200),
        ("POST", "/api/ledger/reconcile?month=2026-11", 400),
        ("POST", "/api/ledger/reconcile?month=now", 400),
    ],
)
def test_bad_input(as_: As, method: str, path: str, status: int) -> None:
    content = b"date,cost_usd\n" if "now" in path else b"nonsense"
    answer = as_().request(method, path, content=content if method == "POST" else None)
    assert answer.status_code == status, answer.text
