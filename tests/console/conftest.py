"""A signed-in and an anonymous client of a console with some traces."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from .site import KEY, Keyring, answer, console


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
