"""`pilothouse prompts list`: the prompts there are."""

from dataclasses import asdict

import click

from pilothouse.cli.context import Context, as_json, pass_context, plain, show_rows
from pilothouse.cli.filters import project_option
from pilothouse.cli.options import shown_time
from pilothouse.cli.prompts.registry import opened

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
@project_option
@as_json
@pass_context
def list(
    context: Context, search: str, label: str | None, tag: str | None, folder: str, archived: bool, limit: int,
    after: str | None, project: str, as_json: bool,
) -> None:  # fmt: skip
    """Prompts by name, with the version that each label points to."""
    with opened(context) as prompts:
        page = prompts.list(
            project, search=search, label=label, tag=tag, folder=folder, archived=archived, after=after, limit=limit
        )
    rows = [asdict(one) for one in page.prompts]
    if not as_json:
        for row in rows:
            pointed = {label: number for label, number in row["labels"].items() if label != "latest"}
            row["labels"] = ", ".join(f"{label} {number}" for label, number in pointed.items())
            row |= {"tags": ", ".join(row["tags"]), "updated": shown_time(row["updated_us"])}
    none = "No prompts are archived." if archived else "No prompts. Make one: pilothouse prompts create NAME FILE"
    show_rows(rows, _COLUMNS, as_json=as_json, empty=none)
    if page.next and not as_json:
        click.echo(f"\nThere are more: add --after '{plain(page.next)}'", err=True)
