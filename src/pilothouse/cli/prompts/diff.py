"""`pilothouse prompts diff`: what differs between files and the registry."""

from pathlib import Path

import click

from pilothouse.cli.context import as_json
from pilothouse.cli.prompts.desk import Desk, at_registry
from pilothouse.cli.prompts.steps import folder_argument, syncing, tell_steps

__all__ = ["diff"]


@click.command()
@folder_argument(exists=True)
@as_json
@at_registry
def diff(desk: Desk, /, folder: Path, names: tuple[str, ...], as_json: bool) -> int:
    """What the files of FOLDER would change of the newest versions, for the prompts NAMES or all.

    The exit code is 1 for a conflict, and for a file that cannot be read.
    """
    return tell_steps(syncing(folder, desk).diff(names), as_json=as_json, show=True)
