from collections.abc import Iterator
from pathlib import Path

import pytest

from .spooled import Spooled


@pytest.fixture(autouse=True)
def _no_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables that go into a pipe are as wide as they are; workers of xdist would name a width."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def spooled(tmp_path: Path) -> Iterator[Spooled]:
    spooled = Spooled(tmp_path / "home")
    yield spooled
    spooled.close()
