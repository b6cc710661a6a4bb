"""`pilothouse prompts pull`: prompts of the registry as files."""

from pathlib import Path

import click

from pilothouse.cli.context import Context, as_json, pass_context
from pilothouse.cli.filters import project_option
from pilothouse.cli.prompts.remote import registry
from pilothouse.cli.prompts.steps import folder_argument, syncing, tell_steps
from pilothouse.cli.server import server_options

__all__ = ["pull"]


@click.command()
@folder_argument(exists=False)
@click.option("--label", default="latest", show_default=True, help="The versions that this label points to.")
@click.option("--force", is_flag=True, help="Give up what was edited in the files.")
@project_option
@server_options
@as_json
@pass_context
def pull(
    context: Context, folder: Path, names: tuple[str, ...], label: str, force: bool, project: str, url: str | None,
    key: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Write the prompts NAMES, all unless said, into files of FOLDER, one each.

    A file that was edited stays as it is. Where the registry moved on as well, that is a conflict: both changes are
    shown, nothing is written, and the exit code is 1.
    """
    with registry(context, url, key, project) as found:
        steps = syncing(folder, found).pull(names, label=label, force=force)
        return tell_steps(steps, as_json=as_json, show=False)
