"""`pilothouse prompts history`: where labels pointed, and who moved them."""

from dataclasses import asdict

import click

from pilothouse.cli.context import Context, as_json, pass_context, show_rows
from pilothouse.cli.filters import project_option
from pilothouse.cli.options import shown_time
from pilothouse.cli.prompts.registry import opened

__all__ = ["history"]

_COLUMNS = ("at", "label", "version", "before", "kind", "by", "approved_by", "reason")


@click.command()
@click.argument("name")
@click.option("--label", help="Only this label's.")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="How many.")
@click.option("--before", metavar="ID", help="Continue a list: the last id that it showed (--json shows ids).")
@project_option
@as_json
@pass_context
def history(
    context: Context, name: str, label: str | None, limit: int, before: str | None, project: str, as_json: bool
) -> None:  # fmt: skip
    """The moves of a prompt's labels, the newest first."""
    with opened(context) as prompts:
        found = prompts.history(project, name, label, limit=limit, before=before)
    rows = [asdict(move) for move in found]
    if not as_json:
        for row in rows:
            forced = " by force" if row["forced"] else ""
            row |= {"at": shown_time(row["at_us"]), "by": row["actor"], "kind": f"{row['kind']}{forced}"}
    show_rows(rows, _COLUMNS, as_json=as_json, empty="No label was moved.")
