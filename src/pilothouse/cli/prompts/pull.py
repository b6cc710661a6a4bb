"""`pilothouse prompts pull`: prompts of the registry as files."""

from pathlib import Path

import click

from pilothouse.cli.context import as_json
from pilothouse.cli.prompts.desk import Desk, at_registry
from pilothouse.cli.prompts.steps import folder_argument, syncing, tell_steps

__all__ = ["pull"]


@click.command()
@folder_argument(exists=False)
@click.option("--label", default="latest", show_default=True, help="The versions that this label points to.")
@click.option("--force", is_flag=True, help="Give up what was edited in the files.")
@as_json
@at_registry
def pull(desk: Desk, /, folder: Path, names: tuple[str, ...], label: str, force: bool, as_json: bool) -> int:
    """Write the prompts NAMES, all unless said, into files of FOLDER, one each.

    A file that was edited stays as it is. Where the registry moved on as well, that is a conflict: both changes are
    shown, nothing is written, and the exit code is 1.
    """
    steps = syncing(folder, desk).pull(names, label=label, force=force)
    return tell_steps(steps, as_json=as_json, show=False)
