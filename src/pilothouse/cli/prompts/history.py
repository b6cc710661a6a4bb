"""`pilothouse prompts history`: where labels pointed, and who moved them."""

import click

from pilothouse.cli.context import as_json, show_rows
from pilothouse.cli.options import shown_time
from pilothouse.cli.prompts.desk import Desk, at_registry

__all__ = ["history"]

_COLUMNS = ("at", "label", "version", "before", "kind", "by", "approved_by", "reason")


@click.command()
@click.argument("name")
@click.option("--label", help="Only this label's.")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="How many.")
@click.option("--before", metavar="ID", help="Continue a list: the last id that it showed (--json shows ids).")
@as_json
@at_registry
def history(
    desk: Desk, /, name: str, label: str | None, limit: int, before: str | None, as_json: bool
) -> None:  # fmt: skip
    """The moves of a prompt's labels, the newest first."""
    rows = [*desk.history(name, label=label, limit=limit, before=before)]
    if not as_json:
        for row in rows:
            forced = " by force" if row["forced"] else ""
            row |= {"at": shown_time(row["at_us"]), "by": row["actor"], "kind": f"{row['kind']}{forced}"}
    show_rows(rows, _COLUMNS, as_json=as_json, empty="No label was moved.")
