"""`pilothouse retention run`: what would go, and what went."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pilothouse.app import build
from pilothouse.cli.context import Context
from pilothouse.cli.retention import retention
from pilothouse.settings import Settings
from pilothouse.storage import open_store, writing


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "home", config=tmp_path / "pilothouse.yaml")
    settings.config.write_text("retention: {payloads: 3, spans: 10, rollups: 0}\n")
    store = open_store(settings)
    with writing(store.observe) as connection:
        store.payloads.put(connection, 20_000, [("default", "t", "s", b"x")])
    store.close()
    return settings


def run(settings: Settings, *arguments: str) -> Result:
    return CliRunner().invoke(retention, ["run", *arguments], obj=Context(settings, build))


def test_a_dry_run_tells_and_changes_nothing(settings: Settings) -> None:
    for _ in range(2):
        output = run(settings, "--dry-run").output
        assert "Kept: payloads 3 days, spans 10 days, rollups for ever, runs of evaluation 365 days, " in output
        assert "Payloads would go: 1 whole days" in output
    assert json.loads(run(settings, "--dry-run", "--json").output)["days"] == 1


def test_a_run_does_it(settings: Settings) -> None:
    assert "Payloads gone: 1 whole days" in run(settings).output
    assert json.loads(run(settings, "--json").output) == dict.fromkeys(
        ("days", "bytes", "bodies", "questions", "traces", "spans", "scores", "rollups", "runs", "outcomes", "answers"),
        0,
    )
