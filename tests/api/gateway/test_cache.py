"""`/api/cache`: what was answered, who may look and who may forget."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from pilothouse.access.shapes import KeySettings, TenantSettings
from pilothouse.api.gateway.cache import routes
from pilothouse.api.management import management
from pilothouse.app import Platform, build
from pilothouse.cache.shadow import Comparison
from pilothouse.settings import Settings


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with build(Settings(home=tmp_path / "home")) as platform:
        platform.tenants.create("project", "shop", TenantSettings(name="Shop"))
        yield platform


@pytest.fixture
def client(platform: Platform) -> TestClient:
    return TestClient(management([routes(platform.caches, platform.audit)], platform.keys, 10_000))


def auth(platform: Platform, role: str, project: str = "default") -> dict[str, str]:
    secret, _ = platform.keys.create("k", role, KeySettings(project_id=project))  # type: ignore[arg-type]
    return {"authorization": f"Bearer {secret}"}


def keep(platform: Platform, project: str, alias: str, number: int) -> None:
    for i in range(number):
        asyncio.run(platform.caches.entries.put(f"{project}\n{alias}\nx{i}", b"answer", 60))


def test_hits_and_the_estimate_of_false_ones(client: TestClient, platform: Platform) -> None:
    keep(platform, "default", "fast", 3)
    for what, number in {"lookups": 10, "exact": 4, "coalesced": 1, "semantic": 2}.items():
        for _ in range(number):
            platform.caches.count("default", "fast", what)
    for i in range(20):
        platform.caches.shadows.looked_up("default", "fast", hit=True)
        platform.caches.shadows.compared("default", "fast", Comparison(cosine=1.0, overlap=1.0, numbers=i > 0))
    said: Any = client.get("/api/cache", headers=auth(platform, "viewer")).json()
    assert said["entries"] == 3
    (alias,) = said["aliases"]
    assert (alias["alias"], alias["hit_rate"], alias["would_hit"], alias["compared"]) == ("fast", 0.7, 20, 20)
    assert alias["false_hit_rate"] == 0.05
    assert alias["false_hit_interval"] == pytest.approx([0.00127, 0.24873], abs=1e-4)
    assert client.get("/api/cache", headers=auth(platform, "viewer", "shop")).json()["aliases"] == []


def test_an_alias_then_a_project_is_forgotten_and_no_other(client: TestClient, platform: Platform) -> None:
    for project, alias in (("default", "fast"), ("default", "careful"), ("shop", "fast")):
        keep(platform, project, alias, 2)
    editor = auth(platform, "editor")
    assert client.post("/api/cache/purge?alias=fast", headers=editor).json() == {"forgotten": 2}
    assert client.post("/api/cache/purge", headers=editor).json() == {"forgotten": 2}
    assert client.post("/api/cache/purge?project_id=shop", headers=editor).status_code == 403
    assert asyncio.run(platform.caches.stats()).entries == 2
    last, first = platform.audit.list("default")[:2]
    assert (last.action, last.subject, last.source, last.after) == ("cache.purge", "cache:*", "api", {"forgotten": 2})
    assert first.subject == "cache:fast"


@pytest.mark.parametrize("role", ["viewer", "caller"])
def test_who_may_not_write_forgets_nothing(client: TestClient, platform: Platform, role: str) -> None:
    keep(platform, "default", "fast", 1)
    assert client.post("/api/cache/purge", headers=auth(platform, role)).status_code == 403
    assert asyncio.run(platform.caches.stats()).entries == 1
