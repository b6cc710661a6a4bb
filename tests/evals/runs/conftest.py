"""A run over a real store, with a Chat that stands where the gateway would."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pilothouse.cases import Case
from pilothouse.evals.runs.evaluate import Ended, run_suite
from pilothouse.evals.runs.prepare import Given
from pilothouse.evals.runs.rooms import Rooms
from pilothouse.evals.runs.suite import suite_of
from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store

from ..judges.conftest import Scripted

P = "default"


class Bench:
    """Rooms whose models answer as `chat` does; each costs 7 nano-USD. `run` runs a suite with these cases."""

    def __init__(self, store: Store, home: Path) -> None:
        self.chat = Scripted(echo)
        self.store, self.home = store, home
        self.version = "1"

    @property
    def rooms(self) -> Rooms:
        async def fingerprint(model: str) -> str:
            return f"{model} {self.version}"

        async def price(model: str, read: int, wrote: int) -> int | None:
            return None if model == "unpriced" else 10 * read + 100 * wrote

        return Rooms(self.store, self.home, self.chat, self.chat.recorder, fingerprint, price)

    def run(self, cases: Any = 3, *, given: Given | None = None, how: Any = None, **suite: Any) -> Ended:
        found = [case(i) for i in range(cases)] if isinstance(cases, int) else cases
        given = given or Given(cases=found)
        return asyncio.run(run_suite(self.rooms, P, suite_of(suited(**suite)), given, **(how or {})))


def suited(**suite: Any) -> Any:
    return {"suite": "s", "task": {"model": "m"}, "evaluators": ["exact"], "concurrency": 2, **suite}


def case(number: int, **fields: Any) -> Case:
    return Case(id=f"c{number:03}", input=f"in {number}", **{"expected": f"in {number}", **fields})


def echo(request: Any) -> str:
    text: str = request.last_user_text()
    return text


@pytest.fixture
def small_store(tmp_path: Path) -> Iterator[Store]:
    """On SQLite alone: what differs between databases is tested with storage."""
    store = open_store(Settings(home=tmp_path / "home"))
    yield store
    store.close()


@pytest.fixture
def bench(small_store: Store, tmp_path: Path) -> Bench:
    return Bench(small_store, tmp_path / "home")
