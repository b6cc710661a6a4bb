"""`pilothouse prompts requests`: promotions that wait for a second person."""

from typing import Any

import click

from pilothouse.cli.context import as_json, show_rows
from pilothouse.cli.options import shown_time
from pilothouse.cli.prompts.desk import Desk, at_registry

__all__ = ["requests"]

_COLUMNS = ("id", "name", "label", "version", "before", "status", "by", "asked", "reason")
_STATUSES = ("pending", "approved", "rejected", "stale", "all")


@click.command()
@click.option("--prompt", metavar="NAME", help="Only those of this prompt.")
@click.option("--status", type=click.Choice(_STATUSES), default="pending", show_default=True, help="What became of it.")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="How many.")
@click.option("--before", metavar="ID", help="Continue a list: the last id that it showed.")
@as_json
@at_registry
def requests(
    desk: Desk, /, prompt: str | None, status: Any, limit: int, before: str | None, as_json: bool
) -> None:  # fmt: skip
    """Promotions that wait for a second person, the newest first."""
    rows = [*desk.requests(prompt=prompt, status=status, limit=limit, before=before)]
    if not as_json:
        for row in rows:
            forced = ", by force" if row["forced"] else ""
            row |= {"by": row["actor"], "asked": shown_time(row["created_us"]), "status": f"{row['status']}{forced}"}
    show_rows(rows, _COLUMNS, as_json=as_json, empty="Nothing waits.")
