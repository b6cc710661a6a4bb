"""A home with keys."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from joserfc.jwk import RSAKey
from sqlalchemy import Engine

from pilothouse.settings import Settings
from pilothouse.storage import open_store

from .openid import OpenIdProvider, signing_key


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_store(Settings(home=tmp_path)).control


@pytest.fixture(scope="session")
def first_key() -> RSAKey:
    return signing_key()


@pytest.fixture
def provider(first_key: RSAKey) -> Iterator[OpenIdProvider]:
    with OpenIdProvider(first_key) as provider:
        yield provider
