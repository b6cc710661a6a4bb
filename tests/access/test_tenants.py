"""Organisations, projects and teams, and the levels they make."""

import pytest

from pilothouse.access import Actor, Audit, Keys, Members, Tenants
from pilothouse.access.directory import Directory
from pilothouse.access.shapes import KeySettings, TeamChange, TeamSettings, TenantChange, TenantSettings
from pilothouse.config import Budget, Limits
from pilothouse.errors import Conflict, NotFound
from pilothouse.principal import Level
from pilothouse.storage import Store
from pilothouse.storage.changes import Changes

ADA = Actor("ada", "api")
NAMED = TenantSettings(name="Named")


@pytest.fixture
def tenants(store: Store) -> Tenants:
    return Tenants(store.control)


def test_the_default_ones_are_always_there(store: Store, tenants: Tenants) -> None:
    assert [tenant.id for tenant in tenants.list("organisation")] == ["default"]
    assert [(tenant.id, tenant.parent) for tenant in tenants.list("project")] == [("default", "default")]
    assert tenants.list("team") == []
    for kind in ("organisation", "project"):
        changed = tenants.update(kind, "default", TenantChange(limits=Limits(parallel=4)))  # type: ignore[arg-type]
        assert (changed.name, changed.limits) == ("default", Limits(parallel=4))
        assert len(tenants.list(kind)) == 1  # type: ignore[arg-type]
    levels = Directory(store.control).levels("default", None)
    assert levels == tuple(Level(f"{kind}:default", Limits(parallel=4)) for kind in ("org", "project"))


def test_made_listed_changed(store: Store, tenants: Tenants) -> None:
    budget = Budget(usd="0.000000001", period="day")  # type: ignore[arg-type]
    tenants.create("organisation", "acme", NAMED)
    tenants.create("project", "shop", TenantSettings(name="Shop", budgets=[budget]), parent="acme")
    tenants.create("team", "ml", NAMED, parent="shop")
    assert [tenant.id for tenant in tenants.list("project", "acme")] == ["shop"]
    assert [tenant.id for tenant in tenants.list("team", "shop")] == ["ml"]
    assert tenants.list("team", "default") == []
    assert tenants.get("project", "shop").budgets == (budget,)
    changed = tenants.update("team", "ml", TenantChange(name="ML"), parent="shop")
    assert changed.to_json() == tenants.get("team", "ml", "shop").to_json()
    assert (changed.name, changed.account) == ("ML", "team:shop/ml")
    assert tenants.update("team", "ml", TenantChange(), parent="shop") == changed


def test_what_is_not_there(tenants: Tenants) -> None:
    with pytest.raises(NotFound, match="no organisation 'none'"):
        tenants.create("project", "shop", NAMED, parent="none")
    with pytest.raises(NotFound, match="no project 'none'"):
        tenants.create("team", "ml", NAMED, parent="none")
    with pytest.raises(NotFound, match="no team 'ml' in project 'default'"):
        tenants.get("team", "ml", "default")
    with pytest.raises(NotFound):
        tenants.update("project", "none", TenantChange(name="x"))


def test_an_id_is_taken_once(tenants: Tenants) -> None:
    tenants.create("project", "shop", NAMED)
    for kind, identifier in (("project", "shop"), ("project", "default"), ("organisation", "default")):
        with pytest.raises(Conflict, match="already"):
            tenants.create(kind, identifier, NAMED)  # type: ignore[arg-type]
    tenants.create("team", "ml", NAMED, parent="shop")
    tenants.create("team", "ml", NAMED, parent="default")


def test_a_team_with_keys_or_members_stays(store: Store, tenants: Tenants) -> None:
    keys, members = Keys(store.control), Members(store.control)
    tenants.create("team", "ml", NAMED, parent="default")
    _, principal = keys.create("app", settings=KeySettings(team_id="ml"))
    members.put("default", "ada@acme.test", "editor", "ml")
    with pytest.raises(Conflict, match="keys"):
        tenants.delete_team("default", "ml")
    keys.revoke(principal.key_id)
    with pytest.raises(Conflict, match="members"):
        tenants.delete_team("default", "ml")
    members.remove("default", "ada@acme.test")
    tenants.delete_team("default", "ml")
    assert tenants.list("team") == []


def test_a_team_has_a_role_for_members_and_keys_without_one_of_their_own(store: Store, tenants: Tenants) -> None:
    keys, members = Keys(store.control), Members(store.control)
    tenants.create("team", "ml", TeamSettings(name="ML", role="editor"), parent="default", by=ADA)
    of_team, _ = keys.create("app", settings=KeySettings(team_id="ml"))
    own, _ = keys.create("ci", "viewer", KeySettings(team_id="ml"))
    alone, principal = keys.create("alone")
    members.put("default", "ada@acme.test", None, "ml")
    members.put("default", "bob@acme.test", "admin", "ml")

    def roles() -> list[str]:
        keys.reload()
        people = [keys.person([f"{name}@acme.test"]) for name in ("ada", "bob")]
        found = [*(keys.authenticate(f"Bearer {secret}") for secret in (of_team, own, alone)), *people]
        return [one.role for one in found if one is not None]

    assert roles() == ["editor", "viewer", "caller", "editor", "admin"]
    tenants.update("team", "ml", TeamChange(role="admin"), parent="default")
    assert roles() == ["admin", "viewer", "caller", "admin", "admin"]
    tenants.update("team", "ml", TeamChange(role=None), parent="default")
    assert roles() == ["caller", "viewer", "caller", "viewer", "admin"]
    assert keys.get(principal.key_id).role == "caller"
    assert [key.role for key in keys.list(team_id="ml")] == ["viewer", None]
    changes = [e for e in Audit(store.control).list() if e.action.startswith("team.")]
    assert [(e.after or {}).get("role") for e in changes] == [None, "admin", "editor"]


def test_every_change_is_in_the_audit_log(store: Store, tenants: Tenants) -> None:
    tenants.create("organisation", "acme", NAMED, by=ADA)
    tenants.create("project", "shop", NAMED, parent="acme", by=ADA)
    tenants.create("team", "ml", NAMED, parent="shop", by=ADA)
    tenants.update("team", "ml", TenantChange(limits=Limits(parallel=1)), parent="shop", by=ADA)
    tenants.delete_team("shop", "ml", by=ADA)
    log = Audit(store.control).list()
    assert {(entry.project_id, entry.action, entry.subject) for entry in log} == {
        ("*", "organisation.create", "org:acme"),
        ("shop", "project.create", "project:shop"),
        ("shop", "team.create", "team:shop/ml"),
        ("shop", "team.update", "team:shop/ml"),
        ("shop", "team.delete", "team:shop/ml"),
    }
    changed = next(entry for entry in log if entry.action == "team.update")
    assert changed.before is not None
    assert changed.after is not None
    assert (changed.before["limits"], changed.after["limits"]) == ({}, {"parallel": 1})


def test_what_others_change_is_noticed(store: Store, tenants: Tenants) -> None:
    if store.control.dialect.name != "sqlite":
        pytest.skip("the same code hears of it by a notice: see test_keys")
    keys, changes = Keys(store.control), Changes(store.control)
    keys.watch(changes)
    changes.check()
    secret, principal = keys.create("app")
    changes.check()
    assert keys.authenticate(f"Bearer {secret}") is principal
    tenants.update("organisation", "default", TenantChange(limits=Limits(parallel=1)))
    changes.check()
    assert keys.authenticate(f"Bearer {secret}").levels[0].limits == Limits(parallel=1)
    changes.close()
