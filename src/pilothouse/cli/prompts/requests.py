"""`pilothouse prompts requests`: promotions that wait for a second person."""

from dataclasses import asdict
from typing import Any

import click

from pilothouse.cli.context import Context, as_json, pass_context, show_rows
from pilothouse.cli.filters import project_option
from pilothouse.cli.options import shown_time
from pilothouse.cli.prompts.registry import opened

__all__ = ["requests"]

_COLUMNS = ("id", "name", "label", "version", "before", "status", "by", "asked", "reason")
_STATUSES = ("pending", "approved", "rejected", "stale", "all")


@click.command()
@click.option("--prompt", metavar="NAME", help="Only those of this prompt.")
@click.option("--status", type=click.Choice(_STATUSES), default="pending", show_default=True, help="What became of it.")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="How many.")
@click.option("--before", metavar="ID", help="Continue a list: the last id that it showed.")
@project_option
@as_json
@pass_context
def requests(
    context: Context, prompt: str | None, status: Any, limit: int, before: str | None, project: str, as_json: bool
) -> None:  # fmt: skip
    """Promotions that wait for a second person, the newest first."""
    wanted = None if status == "all" else status
    with opened(context) as prompts:
        found = prompts.pending(project, prompt, status=wanted, limit=limit, before=before)
    rows = [asdict(one) for one in found]
    if not as_json:
        for row in rows:
            forced = ", by force" if row["forced"] else ""
            row |= {"by": row["actor"], "asked": shown_time(row["created_us"]), "status": f"{row['status']}{forced}"}
    show_rows(rows, _COLUMNS, as_json=as_json, empty="Nothing waits.")
