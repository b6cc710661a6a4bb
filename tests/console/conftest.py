"""A signed-in and an anonymous client of a console with some traces."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from starlette.routing import BaseRoute, Match, get_route_path
from starlette.types import Receive, Scope, Send

from pilothouse.console import app as console_app

from .site import KEY, Gateway, Keyring, answer, console, gateway


class _WhenAsked(BaseRoute):
    """The pages of one noun, made at the first request for one of them: a test asks those of one or two."""

    def __init__(self, noun: str, make: Callable[[], APIRouter]) -> None:
        self._prefix, self._make = f"/{noun}", make
        self._routes: list[BaseRoute] | None = None

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        path = get_route_path(scope)
        if path != self._prefix and not path.startswith(f"{self._prefix}/"):
            return Match.NONE, {}
        if self._routes is None:
            self._routes = self._make().routes
        found = [(*route.matches(scope), route) for route in self._routes]
        for wanted in (Match.FULL, Match.PARTIAL):
            for match, child, route in found:
                if match is wanted:
                    return match, {**child, "page": route}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["page"].handle(scope, receive, send)


@pytest.fixture(scope="module", autouse=True)
def _pages_when_asked() -> Iterator[None]:
    def when_asked(noun: str, pages: Callable[..., APIRouter]) -> Callable[..., APIRouter]:
        def lazily(*given: Any) -> APIRouter:
            router = APIRouter()
            router.routes.append(_WhenAsked(noun, lambda: pages(*given)))
            return router

        return lazily

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            console_app, "_PAGES", {noun: when_asked(noun, made) for noun, made in console_app._PAGES.items()}
        )
        yield


@pytest.fixture
def keyring() -> Keyring:
    return Keyring()


@pytest.fixture
def app(tmp_path: Path, keyring: Keyring) -> Iterator[FastAPI]:
    spans = [span for i in range(60) for span in answer(f"t{i:02}", at=i * 1_000_000)]
    with console(tmp_path / "home", spans, keyring) as app:
        yield app


@pytest.fixture
def anonymous(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, follow_redirects=False) as client:
        yield client


@pytest.fixture
def client(anonymous: TestClient) -> TestClient:
    anonymous.post("/console/login", data={"key": KEY})
    return anonymous


CONFIG = """
providers:
  openai: {api_key: sk-written-out}
models:
  fast:
    strategy: latency
    deployments:
      - {provider: builtin, model: echo, budgets: [{period: day, usd: 5}]}
      - {provider: openai, model: gpt-4o, name: other}
    fallbacks: [careful]
    exact_cache: {ttl: 60}
    semantic_cache: {shadow: true, threshold: 0.9}
    limits: {parallel: 64}
  careful:
    deployments: [{provider: openai, model: made-up}]
    rules:
      - {when: {teams: [ml], tokens_over: 20000}, use: fast}
    budgets: [{period: week, tokens: 1000}]
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Gateway]:
    """A gateway with two aliases, and the one who runs it signed in."""
    with gateway(tmp_path, CONFIG) as site:
        yield site
