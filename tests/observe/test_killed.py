"""kill -9 at any moment: every span whose recording returned is in the database afterwards, exactly once."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from pilothouse.observe import Drainer
from pilothouse.settings import Settings
from pilothouse.storage import Spool, Store
from pilothouse.storage.tables import spans

SCRIPT = Path(__file__).with_name("recording_process.py")


def _record_until_killed(settings: Settings, acknowledged: int) -> list[str]:
    """The trace ids that the process acknowledged before and while it was killed."""
    command = [sys.executable, str(SCRIPT), str(settings.home), *filter(None, [settings.database_url])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(acknowledged)]
        process.kill()
        rest = process.stdout.read()
    assert process.returncode == -9
    return [line.strip() for line in [*lines, *rest.splitlines(keepends=True)] if line.endswith("\n")]


def _replay(settings: Settings, store: Store) -> None:
    spool = Spool.open(settings.home, 1 << 30)
    drainer = Drainer(spool, store, settings.home)
    drainer.start()
    drainer.stop()
    spool.close()


@pytest.mark.parametrize("acknowledged", [1, 700, 4_000])
def test_what_was_acknowledged_arrives_exactly_once(settings: Settings, store: Store, acknowledged: int) -> None:
    known = _record_until_killed(settings, acknowledged)
    known += _record_until_killed(settings, acknowledged)
    _replay(settings, store)
    with store.observe.connect() as connection:
        stored = list(connection.execute(select(spans.c.trace_id)).scalars())
        days = set(connection.execute(select(spans.c.payload_day)).scalars())
        bodies = [row for day in days for row in store.payloads.read(connection, day, "default", stored)]
    assert len(stored) == len(set(stored))
    assert set(known) <= set(stored)
    assert len(stored) - len(known) <= 2
    assert {trace for trace, _, _ in bodies} == set(stored)
    assert len(days) in (1, 2)  # at midnight two
    assert list((settings.home / "spool").glob("*/*.log")) == []
