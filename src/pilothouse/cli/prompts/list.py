"""`pilothouse prompts list`: the prompts there are."""

import click

from pilothouse.cli.context import as_json, plain, show_rows
from pilothouse.cli.options import shown_time
from pilothouse.cli.prompts.desk import Desk, at_registry

__all__ = ["list"]

_COLUMNS = ("name", "newest", "labels", "tags", "updated", "description")


@click.command()
@click.option("--search", default="", metavar="TEXT", help="Only with this in the name or the description.")
@click.option("--label", help="Only those with this label.")
@click.option("--tag", help="Only those with this tag.")
@click.option("--folder", default="", metavar="NAME/", help="Only those whose names begin so.")
@click.option("--archived", is_flag=True, help="Those that are archived.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="How many.")
@click.option("--after", metavar="NAME", help="Continue a list: the last name that it showed.")
@as_json
@at_registry
def list(
    desk: Desk, /, search: str, label: str | None, tag: str | None, folder: str, archived: bool, limit: int,
    after: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Prompts by name, with the version that each label points to."""
    page = desk.list(
        search=search, label=label, tag=tag, folder=folder, archived=archived, after=after, limit=limit
    )  # fmt: skip
    rows = page["data"]
    if not as_json:
        for row in rows:
            pointed = {label: number for label, number in row["labels"].items() if label != "latest"}
            row["labels"] = ", ".join(f"{label} {number}" for label, number in pointed.items())
            row |= {"tags": ", ".join(row["tags"]), "updated": shown_time(row["updated_us"])}
    none = "No prompts are archived." if archived else "No prompts. Make one: pilothouse prompts create NAME FILE"
    show_rows(rows, _COLUMNS, as_json=as_json, empty=none)
    if page["next"] and not as_json:
        click.echo(f"\nThere are more: add --after '{plain(page['next'])}'", err=True)
