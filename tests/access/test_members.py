"""Members: put, listed, removed, and in the audit log."""

import pytest

from pilothouse.access import Actor, Audit, Members, Tenants
from pilothouse.access.directory import Directory
from pilothouse.access.shapes import TenantSettings
from pilothouse.errors import NotFound
from pilothouse.storage import Store

ADA = Actor("ada", "api")


def test_put_list_remove(store: Store) -> None:
    members, directory = Members(store.control), Directory(store.control)
    Tenants(store.control).create("project", "shop", TenantSettings(name="Shop"))
    first = members.put("shop", "ada@acme.test", "viewer", by=ADA)
    assert members.put("shop", "ada@acme.test", "viewer", by=ADA) == first
    changed = members.put("shop", "ada@acme.test", "admin", by=ADA)
    assert (changed.role, changed.created_us) == ("admin", first.created_us)
    members.put("default", "ada@acme.test", "caller", by=ADA)
    assert members.list("shop") == [changed]
    assert len(members.list()) == 2
    directory.reload()
    assert [(m.project_id, m.role) for m in directory.memberships("ada@acme.test")] == [
        ("default", "caller"), ("shop", "admin"),
    ]  # fmt: skip
    assert directory.memberships("eve@acme.test") == ()
    members.remove("shop", "ada@acme.test", by=ADA)
    for attempt in (
        lambda: members.remove("shop", "ada@acme.test"),
        lambda: members.put("none", "ada@acme.test", "viewer"),
        lambda: members.put("shop", "ada@acme.test", "viewer", "none"),
    ):
        with pytest.raises(NotFound):
            attempt()
    actions = sorted(entry.action for entry in Audit(store.control).list("shop") if entry.actor == "ada")
    assert actions == ["member.create", "member.delete", "member.update"]
