"""A spool, a store and the drainer between them, on SQLite and on Postgres."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from pilothouse.call import Span
from pilothouse.observe import Drainer, SpoolRecorder, Traces
from pilothouse.settings import Settings
from pilothouse.storage import Spool, Store

Write = Callable[[Iterable[Span]], None]


@pytest.fixture
def home(settings: Settings) -> Path:
    return settings.home


@pytest.fixture
def spool(store: Store, home: Path) -> Iterator[Spool]:
    spool = Spool.open(home, 64 * 1024 * 1024)
    yield spool
    spool.close()


@pytest.fixture
def drainer(spool: Spool, store: Store, home: Path) -> Iterator[Drainer]:
    drainer = Drainer(spool, store, home)
    yield drainer
    drainer.stop()


@pytest.fixture
def write(spool: Spool, drainer: Drainer) -> Write:
    """Record spans and bring them to the database."""
    recorder = SpoolRecorder(spool, drainer.wake)

    def record_all(spans: Iterable[Span]) -> None:
        for span in spans:
            recorder.record(span)
        drainer.flush()

    return record_all


@pytest.fixture
def traces(store: Store) -> Traces:
    return Traces(store)


@pytest.fixture
def wait_for() -> Callable[[Callable[[], bool]], None]:
    """Wait until a condition holds that another thread or process brings about; fails after 30 seconds."""

    def wait(condition: Callable[[], bool]) -> None:
        until = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < until, "it did not come about within 30 seconds"
            threading.Event().wait(0.005)

    return wait
