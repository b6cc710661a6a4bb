from collections.abc import Iterator
from pathlib import Path

import pytest

from .spooled import Spooled


@pytest.fixture
def spooled(tmp_path: Path) -> Iterator[Spooled]:
    spooled = Spooled(tmp_path / "home")
    yield spooled
    spooled.close()
