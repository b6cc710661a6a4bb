"""`pilothouse prompts push`: files as versions of prompts."""

from pathlib import Path

import click

from pilothouse.cli.context import as_json
from pilothouse.cli.prompts.desk import Desk, at_registry
from pilothouse.cli.prompts.steps import folder_argument, syncing, tell_steps

__all__ = ["push"]


@click.command()
@folder_argument(exists=True)
@click.option("--label", help="Let this label point to what the files say, such as staging.")
@click.option("-m", "--message", default="", metavar="TEXT", help="What is new in the versions that are made.")
@click.option("--dry-run", is_flag=True, help="Show what would be made. Nothing is.")
@click.option("--force", is_flag=True, help="Also over what the registry got meanwhile: that stays as a version.")
@as_json
@at_registry
def push(
    desk: Desk, /, folder: Path, names: tuple[str, ...], label: str | None, message: str, dry_run: bool, force: bool,
    as_json: bool,
) -> int:  # fmt: skip
    """Make versions of the files of FOLDER that were edited, those of the prompts NAMES or all, and note in each file
    which version it is.

    Where the registry moved on as well, that is a conflict, unless git has merged the registry's version into the file
    already: both changes are shown, nothing is made, and the exit code is 1. The others still go.
    """
    steps = syncing(folder, desk).push(names, label=label, message=message, dry_run=dry_run, force=force)
    return tell_steps(steps, as_json=as_json, show=dry_run)
