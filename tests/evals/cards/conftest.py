"""One database is enough here: the statements have their own tests over both."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = open_store(Settings(home=tmp_path / "home"))
    yield found
    found.close()
