"""Forms are taken from pages of the same session alone."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from .site import Gateway, Keyring

OPEN = ("/login", "/logout")


@pytest.fixture(scope="module", autouse=True)
def _pages_when_asked() -> None:
    """All pages are there from the beginning: their routes are looked at."""


def posts(routes: list[BaseRoute]) -> Iterator[str]:
    """The address of every form of the console."""
    for route in routes:
        if isinstance(route, APIRoute) and "POST" in (route.methods or ()):
            yield route.path


def addresses(site: Gateway) -> list[str]:
    app = site.client.app
    assert isinstance(app, FastAPI)
    mounted = next(route for route in app.routes if getattr(route, "path", "") == "/console")
    console = mounted.app._app  # type: ignore[attr-defined]
    found = sorted(path for path in posts(console.routes) if path not in OPEN)
    filled = {"{kind}": "team", "{identifier}": "ml", "{key_id}": "x"}
    for name, value in filled.items():
        found = [path.replace(name, value) for path in found]
    return found


def test_no_form_is_taken_without_the_token_of_its_session(site: Gateway) -> None:
    found = addresses(site)
    assert len(found) >= 11, found
    for path in found:
        for token in ("", "0" * 32, "\u202e"):
            answer = site.client.post(f"/console{path}", data={"token": token, "id": "x", "name": "x", "role": "admin"})
            assert answer.status_code == 403, path
            assert "not sent by a page of this session" in answer.text, path
    assert site.platform.keys.list() == []
    assert [entry.action for entry in site.platform.audit.list()] == ["config.put"]


def test_the_token_of_another_session_is_none(site: Gateway, keyring: Keyring) -> None:
    first = site.page("/keys/new").split('name="token" value="')[1][:32]
    site.keyring.session = "another"
    site.client.post("/console/login", data={"key": "ph-the-key"})
    second = site.page("/keys/new").split('name="token" value="')[1][:32]
    assert first != second
    assert site.client.post("/console/keys", data={"token": first, "name": "x", "role": "caller"}).status_code == 403
    assert "another" not in second


@pytest.mark.parametrize("size", [1_200_000, 2_000])
def test_a_form_that_is_too_large(site: Gateway, size: int) -> None:
    body = "x" * size if size > 1_000_000 else "&".join(f"f{i}=1" for i in range(size))
    answer = site.client.post("/console/cache/purge", content=body)
    assert answer.status_code in (400, 413)
