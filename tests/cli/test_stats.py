"""`pilothouse stats` over a real store."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest
from click.testing import CliRunner, Result

from pilothouse.cli.context import Context
from pilothouse.cli.stats import stats
from pilothouse.errors import InvalidRequest
from pilothouse.ids import now_us
from pilothouse.observe import Drainer, SpoolRecorder
from pilothouse.settings import Settings
from pilothouse.storage import Spool, open_store

from ..observe.seeded import naive, traffic


class _Platform:
    """What the command needs of the platform."""

    def __init__(self, home: Path) -> None:
        self.store = open_store(Settings(home=home))
        self.spool = Spool.open(home, 10_000_000)
        self.drainer = Drainer(self.spool, self.store, home)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.drainer.stop()


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[_Platform]:
    platform = _Platform(tmp_path / "home")
    yield platform
    platform.spool.close()
    platform.store.close()


def run(platform: _Platform, *arguments: str) -> Result:
    context = Context(Settings(), lambda settings, **_: platform)  # type: ignore[arg-type, return-value]
    return CliRunner(env={"COLUMNS": "160"}).invoke(stats, arguments, obj=context, standalone_mode=False)


def test_tables_and_json(platform: _Platform) -> None:
    asked = traffic(now_us(), 80)
    for one in asked:
        for span in one.spans:
            SpoolRecorder(platform.spool).record(span)
    whole = run(platform, "--since", "2w").output
    expected = naive(asked)
    assert f"{expected['requests']}" in next(line for line in whole.splitlines() if line.startswith("requests"))
    assert "latency p95" in whole
    by_model = run(platform, "--since", "2w", "--by", "model").output.splitlines()
    assert len(by_model) == 1 + len({one.call.response_model for one in asked})
    assert "requests" not in by_model[0]  # they belong to no model
    assert "\u202e" not in "".join(by_model)
    told: dict[str, Any] = json.loads(run(platform, "--since", "2w", "--only", "feature=search", "--json").output)
    assert told["total"]["cost_nano"] == naive(o for o in asked if o.root.feature == "search")["cost_nano"]


def test_nothing_yet_and_what_does_not_work(platform: _Platform) -> None:
    assert "Nothing happened" in run(platform, "--by", "model").output
    for arguments in (("--since", "soon"), ("--only", "model"), ("--only", "colour=red")):
        assert isinstance(run(platform, *arguments).exception, InvalidRequest)
