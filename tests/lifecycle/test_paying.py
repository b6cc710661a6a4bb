from decimal import Decimal
from pathlib import Path

import pytest

from pilothouse.access import Keys, Tenants
from pilothouse.access.shapes import KeySettings, TenantSettings
from pilothouse.errors import ConfigError
from pilothouse.ids import now_us
from pilothouse.lifecycle.paying import Payers, account_of
from pilothouse.observe.costs.charges import Charge, enter
from pilothouse.observe.costs.ledger import Ledger
from pilothouse.settings import Settings
from pilothouse.storage import open_store, writing


def test_a_project_or_a_key_pays_and_the_purse_is_one_for_all_projects(tmp_path: Path) -> None:
    store = open_store(Settings(home=tmp_path))
    Tenants(store.control).create("project", "shop", TenantSettings(name="Shop"))
    keys = Keys(store.control)
    _, made = keys.create("judge", settings=KeySettings(project_id="shop"))
    payers, purpose = Payers(keys, Ledger(store)), "online/r"
    project = payers.principal("shop", purpose, Decimal("0.5"), None)
    assert [level.account for level in project.levels] == ["org:default", "project:shop", "evals:online/r"]
    assert (project.key_id, project.role, project.levels[-1].budgets[0].usd) == ("", "caller", Decimal("0.5"))
    mine = payers.principal("shop", purpose, Decimal(1), made.key_id)
    assert [level.account for level in mine.levels][-2:] == [f"key:{made.key_id}", "evals:online/r"]
    assert (payers.project_of(made.key_id), payers.project_of("nobody")) == ("shop", None)
    for project_id, wrong in (("default", made.key_id), ("shop", "nobody")):
        with pytest.raises(ConfigError, match="no valid key"):
            payers.principal(project_id, purpose, Decimal(1), wrong)
    charges = [Charge(f"c{i}", name, now_us(), [account_of(purpose)], 7, 1, 1) for i, name in enumerate(("a", "b"))]
    with writing(store.observe) as connection:
        enter(connection, charges)
    assert payers.spent([purpose, "other"]) == [14, 0]
    assert payers.spent([purpose], now_us() - 2 * 86_400_000_000) == [0]
    store.close()
