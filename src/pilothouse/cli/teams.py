"""`pilothouse teams`: the teams of a project, and what their keys may do and spend together."""

import click

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.cli.context import Context, pass_context
from pilothouse.cli.options import control, me
from pilothouse.cli.tenants import tenant_commands

__all__ = ["teams"]

teams = tenant_commands("team")


@teams.command()
@click.argument("identifier", metavar="ID")
@click.option("--project", default=DEFAULT_PROJECT, show_default=True, help="The project of the team.")
@pass_context
def delete(context: Context, identifier: str, project: str) -> None:
    """Delete a team that has no keys and no members."""
    from pilothouse.access import Tenants  # noqa: PLC0415 - the room is heavy, and not for --help

    with control(context) as engine:
        Tenants(engine).delete_team(project, identifier, by=me())
    click.echo(f"Team {identifier} is deleted.")
