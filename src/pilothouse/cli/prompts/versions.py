"""`pilothouse prompts versions`: the versions of a prompt."""

from dataclasses import asdict

import click

from pilothouse.cli.context import Context, as_json, pass_context, show_rows
from pilothouse.cli.filters import project_option
from pilothouse.cli.options import shown_time
from pilothouse.cli.prompts.registry import opened

__all__ = ["versions"]

_COLUMNS = ("version", "labels", "made", "author", "message", "hash")


@click.command()
@click.argument("name")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="How many.")
@click.option("--before", type=click.IntRange(1, 2**31 - 1), metavar="VERSION", help="Continue a list.")
@project_option
@as_json
@pass_context
def versions(context: Context, name: str, limit: int, before: int | None, project: str, as_json: bool) -> None:
    """The versions of a prompt, the newest first."""
    with opened(context) as prompts:
        found = prompts.versions(project, name, limit=limit, before=before)
    rows = [{"version": one.number, **asdict(one)} for one in found]
    for row in rows:
        del row["number"]
        if not as_json:
            row |= {"labels": ", ".join(row["labels"]), "made": shown_time(row["created_us"])}
    show_rows(rows, _COLUMNS, as_json=as_json, empty="No older versions.")
