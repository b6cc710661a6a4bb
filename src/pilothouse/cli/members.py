"""`pilothouse members`: the people who may sign in through the OpenID provider, and as what."""

from dataclasses import asdict
from typing import get_args

import click

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.cli.context import Context, as_json, in_json, pass_context, plain, show_rows
from pilothouse.cli.options import control, me, shown_time
from pilothouse.principal import Role

__all__ = ["members"]

_project = click.option("--project", default=DEFAULT_PROJECT, show_default=True, help="The project.")


@click.group()
def members() -> None:
    """People who may sign in: list, put, remove."""


@members.command(name="list")
@click.option("--project", help="Only those of this project.")
@as_json
@pass_context
def list_(context: Context, project: str | None, as_json: bool) -> None:
    """All members, by name."""
    from pilothouse.access import Members  # noqa: PLC0415 - the room is heavy, and not for --help

    with control(context) as engine:
        rows = [asdict(member) for member in Members(engine).list(project)]
    if not as_json:
        rows = [
            {
                **row,
                "role": row["role"] or "the team's",
                "project": row["project_id"],
                "team": row["team_id"],
                "since": shown_time(row["created_us"]),
            }
            for row in rows
        ]
    columns = ("subject", "role", "project", "team", "since")
    show_rows(rows, columns, as_json=as_json, empty="No members. Let one in: pilothouse members put ada@example.com")


@members.command()
@click.argument("subject")
@click.option("--role", type=click.Choice(get_args(Role)), help="Their role (default: the team's, or viewer).")
@click.option("--team", help="The team whose limits and budgets count, too.")
@_project
@as_json
@pass_context
def put(context: Context, subject: str, role: Role | None, team: str | None, project: str, as_json: bool) -> None:
    """Let a person in, or change their role. SUBJECT is a verified e-mail address or the provider's `sub`."""
    from pilothouse.access import Members  # noqa: PLC0415

    with control(context) as engine:
        member = Members(engine).put(project, subject, role or (None if team else "viewer"), team, by=me())
    said = f"{plain(subject)} is {member.role or f'what team {team} is'} in project {project}."
    click.echo(in_json(asdict(member)) if as_json else said)


@members.command()
@click.argument("subject")
@_project
@pass_context
def remove(context: Context, subject: str, project: str) -> None:
    """Let a person in no longer."""
    from pilothouse.access import Members  # noqa: PLC0415

    with control(context) as engine:
        Members(engine).remove(project, subject, by=me())
    click.echo(f"{plain(subject)} is no member of project {project} any more.")
