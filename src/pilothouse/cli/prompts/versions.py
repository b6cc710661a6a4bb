"""`pilothouse prompts versions`: the versions of a prompt."""

import click

from pilothouse.cli.context import as_json, show_rows
from pilothouse.cli.options import shown_time
from pilothouse.cli.prompts.desk import Desk, at_registry

__all__ = ["versions"]

_COLUMNS = ("version", "labels", "made", "author", "message", "hash")


@click.command()
@click.argument("name")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="How many.")
@click.option("--before", type=click.IntRange(1, 2**31 - 1), metavar="VERSION", help="Continue a list.")
@as_json
@at_registry
def versions(desk: Desk, /, name: str, limit: int, before: int | None, as_json: bool) -> None:
    """The versions of a prompt, the newest first."""
    rows = [*desk.versions(name, limit=limit, before=before)]
    if not as_json:
        for row in rows:
            row |= {"labels": ", ".join(row["labels"]), "made": shown_time(row["created_us"])}
    show_rows(rows, _COLUMNS, as_json=as_json, empty="No older versions.")
