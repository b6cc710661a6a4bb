"""`pilothouse evals datasets`: what is evaluated on."""

from dataclasses import asdict
from typing import Any

import click

from pilothouse.cli.context import Context, as_json, in_json, pass_context, plain, show_rows
from pilothouse.cli.evals import dataset_files, dataset_items, dataset_work
from pilothouse.cli.filters import project_option
from pilothouse.cli.options import shown_time

__all__ = ["datasets"]

_LISTED = ("name", "version", "items", "updated", "description")
_VERSIONS = ("version", "items", "added", "changed", "removed", "author", "made", "note")


@click.group()
def datasets() -> None:
    """What is evaluated on: items and their versions, files in and out.

    NAME is that of a dataset, or its id.
    """


@datasets.command()
@click.argument("name")
@click.option("--description", default="", help="What it is for.")
@project_option
@as_json
@pass_context
def create(context: Context, name: str, description: str, project: str, as_json: bool) -> None:
    """Make an empty dataset."""
    from pilothouse.storage.evaluating.datasets import Datasets  # noqa: PLC0415 - SQLAlchemy is not for --help

    with context.looking() as platform:
        made = Datasets(platform.store).create(project, name, description=description)
    told = f"Created '{plain(made.name)}'. Fill it: pilothouse evals datasets import NAME FILE"
    click.echo(in_json(asdict(made)) if as_json else told)


@datasets.command(name="list")
@click.option("--text", default="", help="Only those with this in their names.")
@click.option("--archived", is_flag=True, help="Those that are archived.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="How many.")
@click.option("--after", metavar="NAME", help="Continue a list: the last name that it showed.")
@project_option
@as_json
@pass_context
def list_(
    context: Context, text: str, archived: bool, limit: int, after: str | None, project: str, as_json: bool
) -> None:  # fmt: skip
    """Datasets by name."""
    from pilothouse.storage.evaluating.datasets import Datasets  # noqa: PLC0415

    with context.looking() as platform:
        kept = Datasets(platform.store)
        page = kept.list(project, text=text, after=after, limit=limit, archived=archived)
        rows = []
        for one in page.datasets:
            newest = kept.version(project, one)
            there = {"items": newest.size - newest.erased}
            rows.append({**asdict(one), **there} if as_json else _row(one, there))
    show_rows(rows, _LISTED, as_json=as_json, empty="No datasets. Make one: pilothouse evals datasets create NAME")
    if page.next and not as_json:
        click.echo(f"\nThere are more: add --after {page.next}", err=True)


@datasets.command()
@click.argument("name")
@project_option
@as_json
@pass_context
def show(context: Context, name: str, project: str, as_json: bool) -> None:
    """One dataset: its newest version and its splits."""
    from pilothouse.storage.evaluating.datasets import Datasets  # noqa: PLC0415

    with context.looking() as platform:
        kept = Datasets(platform.store)
        found = kept.get(project, name)
        newest = kept.version(project, found)
        splits = {split or "": n for split, n in kept.items.splits(project, found.id, found.version).items()}
    if as_json:
        click.echo(in_json({**asdict(found), "newest": asdict(newest), "splits": splits}))
        return
    facts: dict[str, Any] = {
        "name": found.name, "id": found.id, "description": found.description, "version": found.version,
        "hash": newest.hash, "items": newest.size - newest.erased, "erased": newest.erased or None,
        "splits": ", ".join(f"{split or '(none)'} {n}" for split, n in sorted(splits.items())),
        "updated": shown_time(found.updated_us), "archived": shown_time(found.archived_us),
    }  # fmt: skip
    for fact, value in facts.items():
        if value not in (None, ""):
            click.echo(f"{fact:12} {plain(str(value))}")


@datasets.command()
@click.argument("name")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="How many.")
@click.option("--before", type=click.IntRange(1, 2**31 - 1), metavar="VERSION", help="Continue a list.")
@project_option
@as_json
@pass_context
def versions(context: Context, name: str, limit: int, before: int | None, project: str, as_json: bool) -> None:
    """The versions of a dataset, the newest first."""
    from pilothouse.storage.evaluating.datasets import Datasets  # noqa: PLC0415

    with context.looking() as platform:
        kept = Datasets(platform.store)
        found = kept.versions(project, kept.get(project, name), before=before, limit=limit)
    rows = [
        asdict(one) if as_json
        else {**asdict(one), "version": one.number, "items": one.size - one.erased, "made": shown_time(one.created_us)}
        for one in found
    ]  # fmt: skip
    show_rows(rows, _VERSIONS, as_json=as_json, empty="No versions yet: nothing was ever in it.")


@datasets.command()
@click.argument("name")
@click.option("--undo", is_flag=True, help="Take it back into the list.")
@project_option
@pass_context
def archive(context: Context, name: str, undo: bool, project: str) -> None:
    """Take a dataset out of the list. Nothing of it is lost."""
    from pilothouse.storage.evaluating.datasets import Datasets  # noqa: PLC0415

    with context.looking() as platform:
        found = Datasets(platform.store).archive(project, name, not undo)
    click.echo(f"'{plain(found.name)}' is {'back in the list' if undo else 'archived'}.")


def _row(one: Any, there: dict[str, Any]) -> dict[str, Any]:
    described = one.description.partition("\n")[0]
    return {"name": one.name, "version": one.version, **there, "updated": shown_time(one.updated_us),
            "description": described if len(described) <= 60 else f"{described[:59]}…"}  # fmt: skip


for command in (*dataset_items.COMMANDS, *dataset_files.COMMANDS, *dataset_work.COMMANDS):
    datasets.add_command(command)
