"""The management routes of access over a real store, asked by keys of several roles."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from pilothouse.access import Audit, Keys, Members, Tenants
from pilothouse.access.door import Door
from pilothouse.access.shapes import KeySettings, TenantSettings
from pilothouse.api.access import audit, keys, tenants
from pilothouse.api.management import management
from pilothouse.storage import Store
from pilothouse.storage.changes import Changes

As = Callable[..., TestClient]


@pytest.fixture
def keyring(store: Store) -> Keys:
    """Keys of an installation with a master key and the projects `default` and `shop`."""
    made = Keys(store.control)
    made.set_master("ph-master")
    Tenants(store.control).create("project", "shop", TenantSettings(name="Shop"))
    return made


@pytest.fixture
def as_(store: Store, keyring: Keys) -> Iterator[As]:
    """A client with the master key, or with a key of a role in a project: `as_("admin", "shop")`."""
    changes = Changes(store.control)
    keyring.watch(changes)
    rooms: Any = Tenants(store.control)
    routers = [
        keys.routes(keyring), tenants.organisation_routes(rooms), tenants.project_routes(rooms),
        tenants.team_routes(rooms), tenants.member_routes(Members(store.control)), audit.routes(Audit(store.control)),
    ]  # fmt: skip
    app = management(routers, keyring, 100_000, door=Door(keyring, changes))

    def client(role: Any = None, project: str = "default") -> TestClient:
        secret = "ph-master"
        if role is not None:
            secret, _ = keyring.create(f"{role} of {project}", role, KeySettings(project_id=project))
        return TestClient(app, headers={"authorization": f"Bearer {secret}"}, raise_server_exceptions=False)

    yield client
    changes.close()
