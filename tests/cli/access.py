"""Runs the commands of access on a home, in this process."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from pilothouse.cli.context import Context
from pilothouse.cli.main import cli
from pilothouse.settings import Settings


class Cli:
    """`cli("keys", "list")` on one home. The commands must not need the platform."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def __call__(self, *arguments: str) -> Result:
        command = cli.get_command(None, arguments[0])  # type: ignore[arg-type]
        context = Context(Settings(home=self._home), lambda settings: None)  # type: ignore[arg-type, return-value]
        assert command is not None
        return CliRunner(env={"COLUMNS": "250"}).invoke(command, arguments[1:], obj=context)

    def json(self, *arguments: str) -> Any:
        """What the command prints with --json."""
        done = self(*arguments, "--json")
        assert done.exit_code == 0, done.output or done.exception
        return json.loads(done.output)

    def said(self, *arguments: str) -> str:
        """What the command prints, which succeeds."""
        done = self(*arguments)
        assert done.exit_code == 0, done.output or done.exception
        return done.output
