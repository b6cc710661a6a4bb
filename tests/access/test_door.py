"""The door: keys that others changed, addresses behind proxies, policies."""

import ipaddress
import itertools
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from pilothouse.access import Keys
from pilothouse.access.door import Door
from pilothouse.access.shapes import KeySettings, PolicyRules
from pilothouse.errors import Forbidden, Unauthenticated
from pilothouse.storage.changes import Changes

PROXY = (ipaddress.ip_network("10.0.0.0/8"),)


@pytest.fixture
def keys(engine: Engine) -> Keys:
    return Keys(engine)


@pytest.fixture
def changes(engine: Engine, keys: Keys) -> Iterator[Changes]:
    changes = Changes(engine)
    keys.watch(changes)
    yield changes
    changes.close()


async def test_what_was_revoked_elsewhere_opens_nothing(engine: Engine, keys: Keys, changes: Changes) -> None:
    times = itertools.count(1)  # seconds: more than enough between two requests
    door, elsewhere = Door(keys, changes, clock=lambda: float(next(times))), Keys(engine)
    secret, principal = elsewhere.create("app")
    assert (await door.admit(None, secret, endpoint="/v1/models", client_ip="")).key_id == principal.key_id
    elsewhere.revoke(principal.key_id)
    with pytest.raises(Unauthenticated):
        await door.admit(None, secret, endpoint="/v1/models", client_ip="")


async def test_the_policy_of_the_key_counts(keys: Keys) -> None:
    rules = PolicyRules(endpoints=["/v1/*"], networks=["203.0.113.0/24"])
    secret, principal = keys.create("app", settings=KeySettings(policy=rules))
    door = Door(keys)
    header = f"Bearer {secret}"
    assert await door.admit(header, endpoint="/v1/models", client_ip="203.0.113.5") is principal
    for endpoint, address in (("/api/keys", "203.0.113.5"), ("/v1/models", "198.51.100.1")):
        with pytest.raises(Forbidden):
            await door.admit(header, endpoint=endpoint, client_ip=address)


def test_only_trusted_proxies_name_the_client(keys: Keys) -> None:
    assert Door(keys).client_ip("10.0.0.1", "203.0.113.5") == "10.0.0.1"
    assert Door(keys, trusted_proxies=PROXY).client_ip("10.0.0.1", "203.0.113.5") == "203.0.113.5"
    assert Door(keys, trusted_proxies=PROXY).client_ip("198.51.100.1", "203.0.113.5") == "198.51.100.1"
    assert Door(keys, trusted_proxies=PROXY).client_ip("10.0.0.1", None) == "10.0.0.1"
