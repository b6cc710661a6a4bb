"""`pilothouse prompts diff`: what differs between files and the registry."""

from pathlib import Path

import click

from pilothouse.cli.context import Context, as_json, pass_context
from pilothouse.cli.filters import project_option
from pilothouse.cli.prompts.remote import registry
from pilothouse.cli.prompts.steps import folder_argument, syncing, tell_steps
from pilothouse.cli.server import server_options

__all__ = ["diff"]


@click.command()
@folder_argument(exists=True)
@project_option
@server_options
@as_json
@pass_context
def diff(
    context: Context, folder: Path, names: tuple[str, ...], project: str, url: str | None, key: str | None,
    as_json: bool,
) -> int:  # fmt: skip
    """What the files of FOLDER would change of the newest versions, for the prompts NAMES or all.

    The exit code is 1 for a conflict, and for a file that cannot be read.
    """
    with registry(context, url, key, project) as found:
        return tell_steps(syncing(folder, found).diff(names), as_json=as_json, show=True)
