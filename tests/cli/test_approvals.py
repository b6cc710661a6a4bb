"""`pilothouse approvals` on a home where a call waits."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from pilothouse.agents.approvals import Approvals
from pilothouse.agents.approving import Asked
from pilothouse.app import build
from pilothouse.cli.approvals import approvals
from pilothouse.cli.context import Context
from pilothouse.principal import EMBEDDED
from pilothouse.settings import Settings

ASKED = Asked("mailer", "send\x1b[2J", "write", '{"to": "bob"}', ("Because.",), ("tool:fetch",), "t1", "Send it.")


def _run(settings: Settings, *args: str) -> Result:
    return CliRunner(env={"COLUMNS": "250"}).invoke(approvals, args, obj=Context(settings, build))


def test_calls_are_listed_and_decided(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", config=tmp_path / "pilothouse.yaml")
    settings.config.write_text("models: {}\n")
    with build(settings) as platform:
        first, second = (Approvals(platform.store).ask("default", ASKED, 600, EMBEDDED).id for _ in range(2))
    shown = _run(settings, "list", "--pending")
    assert shown.exit_code == 0, shown.output
    assert "Because." in shown.output
    assert "\x1b[2J" not in shown.output
    assert "approved: send" in _run(settings, "approve", first).output
    assert "denied: send" in _run(settings, "deny", second, "--reason", "not now").output
    assert isinstance(_run(settings, "approve", second).exception, Exception)
    assert "Nothing waits." in _run(settings, "list", "--pending").output
    rows = {row["id"]: row for row in json.loads(_run(settings, "list", "--json").output)}
    assert (rows[first]["status"], rows[second]["status"], rows[second]["reason"]) == ("approved", "denied", "not now")
