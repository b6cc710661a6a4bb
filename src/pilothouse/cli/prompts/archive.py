"""`pilothouse prompts archive`: take a prompt out of the list, or back into it."""

import click

from pilothouse.cli.context import as_json, in_json, plain
from pilothouse.cli.prompts.desk import Desk, at_registry

__all__ = ["archive"]


@click.command()
@click.argument("name")
@click.option("--restore", is_flag=True, help="Back into the list.")
@as_json
@at_registry
def archive(desk: Desk, /, name: str, restore: bool, as_json: bool) -> None:
    """Archive a prompt that no label of its own serves: nothing of it is lost, and versions by number stay."""
    done = desk.archive(name, archived=not restore)
    told = plain(f"{done['name']} is {'back in the list' if restore else 'archived'}.")
    click.echo(in_json(done) if as_json else told)
