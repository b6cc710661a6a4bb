"""`pilothouse alerts` on a home with an open alert and a channel that nobody listens to."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pilothouse.alerts.book import Noticed
from pilothouse.app import build
from pilothouse.cli.alerts import alerts
from pilothouse.cli.context import Context
from pilothouse.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    config = tmp_path / "pilothouse.yaml"
    config.write_text('alerts: {channels: {ops: {kind: slack, url: "http://127.0.0.1:1/"}}}\n')
    made = Settings(home=tmp_path / "home", config=config)
    with build(made) as platform:
        noticed = Noticed(
            "errors", "gpt\x1b[2J", "critical", "Many failed.", "/console/traces", 0.3, 0.05, 100, ["ops"]
        )
        platform.alerts.book.open("default", noticed)
    return made


def _run(settings: Settings, *args: str) -> Result:
    return CliRunner(env={"COLUMNS": "250"}).invoke(alerts, args, obj=Context(settings, build))


def test_the_list_as_a_table_and_as_json(settings: Settings) -> None:
    shown = _run(settings, "list", "--open")
    assert shown.exit_code == 0, shown.output
    assert "errors: gpt" in shown.output
    assert "ops: waiting" in shown.output
    assert "\x1b[2J" not in shown.output
    (row,) = json.loads(_run(settings, "list", "--json").output)
    assert (row["rule"], row["messages"][0]["channel"]) == ("errors", "ops")


def test_a_channel_that_does_not_work_is_exit_code_1(settings: Settings) -> None:
    shown = _run(settings, "test")
    assert shown.exit_code == 1
    assert "ops: 127.0.0.1 cannot be reached" in shown.output
    assert "There is no channel 'pager'" in _run(settings, "test", "pager").output


def test_silences(settings: Settings) -> None:
    assert "Nothing is silenced." in _run(settings, "silence", "--list").output
    made = _run(settings, "silence", "--rule", "spend", "--for", "4h", "--comment", "load test")
    assert made.exit_code == 0, made.output
    (silence,) = json.loads(_run(settings, "silence", "--list", "--json").output)
    assert (silence["rule"], silence["subject"], silence["comment"]) == ("spend", None, "load test")
    assert "load test" in _run(settings, "silence", "--list").output
    assert "is over" in _run(settings, "silence", "--end", silence["id"]).output
    assert "Nothing is silenced." in _run(settings, "silence", "--list").output
