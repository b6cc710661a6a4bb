"""A clock for the queue's tests: it moves when the test says so. A store where the database makes no difference."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pilothouse.ids import now_us
from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store


class Clock:
    """UTC microseconds, from the present on a full minute."""

    def __init__(self) -> None:
        self.now = now_us() // 60_000_000 * 60_000_000

    def __call__(self) -> int:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += int(seconds * 1_000_000)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(Settings(home=tmp_path))
    yield store
    store.close()
