"""`/api/cache/fragments`: kept and found within a project, refused in words, forgotten by those who may."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from pilothouse.access.shapes import KeySettings, PolicyRules, TenantSettings
from pilothouse.api.gateway.cache import routes
from pilothouse.api.management import management
from pilothouse.app import Platform, build
from pilothouse.settings import Settings

PART = {"section": "greeting", "inputs": {"name": "Ada"}, "manifest": "m1"}
PATH = "/api/cache/fragments"


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with build(Settings(home=tmp_path / "home")) as platform:
        platform.tenants.create("project", "shop", TenantSettings(name="Shop"))
        yield platform


@pytest.fixture
def client(platform: Platform) -> TestClient:
    app = management([routes(platform.caches, platform.audit)], platform.keys, 4_000_000)
    return TestClient(app, raise_server_exceptions=False)


def auth(platform: Platform, role: Any = "caller", project: str = "default", *, cache: bool = True) -> dict[str, str]:
    settings = KeySettings(project_id=project, policy=PolicyRules(cache=cache))
    secret, _ = platform.keys.create("k", role, settings)
    return {"authorization": f"Bearer {secret}"}


def keep(client: TestClient, headers: dict[str, str], **changes: Any) -> Any:
    answer = client.put(PATH, json={**PART, "value": {"text": "Hello Ada"}, **changes}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def find(client: TestClient, headers: dict[str, str], **changes: Any) -> Any:
    answer = client.post(f"{PATH}/find", json={**PART, **changes}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_part_is_found_in_its_project_alone(client: TestClient, platform: Platform) -> None:
    mine, theirs = auth(platform), auth(platform, project="shop")
    nothing = {"found": False, "value": None, "stored_us": None}
    assert find(client, mine) == nothing
    assert keep(client, mine) == {"kept": True, "reason": None}
    found = find(client, auth(platform))
    assert (found["found"], found["value"]) == (True, {"text": "Hello Ada"})
    assert found["stored_us"] > 1_700_000_000_000_000
    assert find(client, theirs) == nothing
    assert find(client, mine, manifest="m2") == nothing
    assert client.post(f"{PATH}/find?project_id=default", json=PART, headers=theirs).status_code == 403


def test_a_key_or_a_request_that_keeps_out(client: TestClient, platform: Platform) -> None:
    mine, aloof = auth(platform), auth(platform, cache=False)
    assert keep(client, aloof)["kept"] is False
    assert keep(client, {**mine, "cache-control": "no-store"})["kept"] is False
    assert not find(client, mine)["found"]
    keep(client, mine)
    assert not find(client, aloof)["found"]
    for said, found in (("no-store", False), ("no-cache", False), ("max-age=0", False), ("max-age=60", True)):
        assert find(client, {**mine, "cache-control": said})["found"] is found, said


def test_what_is_too_large_is_told(client: TestClient, platform: Platform) -> None:
    kept = keep(client, auth(platform), value="x" * 1024 * 1024)
    assert kept == {"kept": False, "reason": "It has 1048578 bytes; up to 1048576 are kept."}


@pytest.mark.parametrize(
    ("body", "said", "param"),
    [
        ("", "not valid JSON", None), ("[]", "Expected `object`", None), ('{"value": 1}', "section", None),
        ('{"section": "", "value": 1}', "length >= 1", "section"),
        ('{"section": "a\\nb", "value": 1}', "regex", "section"),
        ('{"section": "\\ud800", "value": 1}', "not valid JSON", None), ('{"section": "s"}', "value", None),
        ('{"section": "s", "value": NaN}', "not valid JSON", None),
        ('{"section": "s", "value": 1, "ttl": 0}', "> 0", "ttl"),
        ('{"section": "s", "value": 1, "ttl": 1e99}', "<= ", "ttl"),
        ('{"section": "s", "value": 1, "tll": 5}', "tll", None),
        ('{"section": "s", "value": ' + "[" * 100_000 + "]" * 100_000 + "}", "too deeply", None),
        ('{"section": "s", "value": 1, "inputs": ' + "[" * 100_000 + "]" * 100_000 + "}", "too deeply", None),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(client: TestClient, platform: Platform, body: str, said: str, param: str | None) -> None:
    answer = client.put(PATH, content=body, headers=auth(platform))
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert said in error["message"]
    assert error["param"] == param


def test_no_depth_of_a_body_breaks_the_server(client: TestClient, platform: Platform) -> None:
    """The edge of what can be read lies where the stack is that deep: all around it, one answer or the other."""
    headers, seen = auth(platform), set()
    for depth in range(850, 1000):
        for name in ("value", "inputs"):
            nested = {"section": "s", "value": 1, name: 0}
            body = str(nested).replace("'", '"').replace(f'"{name}": 0', f'"{name}": {"[" * depth}{"]" * depth}')
            seen.add(client.put(PATH, content=body, headers=headers).status_code)
    assert seen <= {200, 400}


def test_parts_kept_and_found_at_once(client: TestClient, platform: Platform) -> None:
    mine, theirs = auth(platform), auth(platform, project="shop")

    def both(number: int) -> Any:
        headers = (mine, theirs)[number % 2]
        keep(client, headers, inputs=number // 2, value=number)
        return find(client, headers, inputs=number // 2)["value"]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(both, range(80))) == list(range(80))


def test_sections_are_counted_and_forgotten(client: TestClient, platform: Platform) -> None:
    mine, editor = auth(platform), auth(platform, "editor")
    for section in ("greeting", "farewell"):
        keep(client, mine, section=section)
        find(client, mine, section=section)
    find(client, mine, inputs=None)
    keep(client, auth(platform, project="shop"))
    told = client.get("/api/cache", headers=editor).json()["fragments"]
    assert [tuple(row.values()) for row in told] == [("farewell", 1, 1, 1, 1.0), ("greeting", 2, 1, 1, 0.5)]
    assert client.post(f"{PATH}/purge?section=greeting", headers=editor).json() == {"forgotten": 1}
    assert not find(client, mine)["found"]
    assert client.post(f"{PATH}/purge", headers=editor).json() == {"forgotten": 1}
    assert asyncio.run(platform.caches.stats()).entries == 1
    last, first = platform.audit.list("default")[:2]
    assert (last.action, last.subject, last.after) == ("cache.purge", "fragments:*", {"forgotten": 1})
    assert first.subject == "fragments:greeting"


@pytest.mark.parametrize(
    ("role", "statuses"), [("admin", (200, 200, 200)), ("caller", (200, 200, 403)), ("viewer", (403, 403, 403))]
)
def test_who_may(client: TestClient, platform: Platform, role: str, statuses: tuple[int, ...]) -> None:
    headers = auth(platform, role)
    answers = (
        client.put(PATH, json={**PART, "value": 1}, headers=headers),
        client.post(f"{PATH}/find", json=PART, headers=headers),
        client.post(f"{PATH}/purge", headers=headers),
    )
    assert tuple(answer.status_code for answer in answers) == statuses


def test_the_reference_knows_the_bodies(client: TestClient) -> None:
    body = client.get("/api/openapi.json").json()["paths"][PATH]["put"]["requestBody"]
    assert set(body["content"]["application/json"]["schema"]["required"]) == {"section", "value"}
