"""A home with keys."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from pilothouse.settings import Settings
from pilothouse.storage import open_store


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_store(Settings(home=tmp_path)).control
