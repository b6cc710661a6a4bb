"""`pilothouse prompts archive`: take a prompt out of the list, or back into it."""

from dataclasses import asdict

import click

from pilothouse.cli.context import Context, as_json, in_json, pass_context, plain
from pilothouse.cli.filters import project_option
from pilothouse.cli.options import me
from pilothouse.cli.prompts.registry import opened

__all__ = ["archive"]


@click.command()
@click.argument("name")
@click.option("--restore", is_flag=True, help="Back into the list.")
@project_option
@as_json
@pass_context
def archive(context: Context, name: str, restore: bool, project: str, as_json: bool) -> None:
    """Archive a prompt that no label of its own serves: nothing of it is lost, and versions by number stay."""
    with opened(context) as prompts:
        done = prompts.archive(project, name, not restore, by=me())
    told = plain(f"{done.name} is {'back in the list' if restore else 'archived'}.")
    click.echo(in_json(asdict(done)) if as_json else told)
