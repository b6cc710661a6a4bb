"""A signed-in and an anonymous client of a console with some traces."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from .site import KEY, Gateway, Keyring, answer, console, gateway


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
