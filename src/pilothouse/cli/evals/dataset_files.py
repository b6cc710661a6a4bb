"""Files into a dataset and out of it, on the command line."""

import sys
from pathlib import Path

import click

from pilothouse.cli.context import Context, as_json, pass_context
from pilothouse.cli.evals.changed import base_option, my_name, note_option, say_change
from pilothouse.cli.filters import project_option
from pilothouse.errors import NotFound

__all__ = ["COMMANDS"]


@click.command(name="import")
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(["jsonl", "json", "csv", "parquet"]), help="By default as FILE is named."
)
@click.option("--column", "columns", multiple=True, metavar="FIELD=COLUMN", help="Where names differ: input=question.")
@click.option("--replace", is_flag=True, help="Nothing else stays in the dataset.")
@click.option("--create", is_flag=True, help="Make the dataset where there is none.")
@base_option
@note_option
@project_option
@as_json
@pass_context
def import_(
    context: Context, name: str, file: Path, form: str | None, columns: tuple[str, ...], replace: bool, create: bool,
    base: int | None, note: str, project: str, as_json: bool,
) -> None:  # fmt: skip
    """Add the items of FILE: JSON Lines, JSON, CSV or Parquet, of Pilothouse, Langfuse or OpenAI's evals.

    Where a line is wrong nothing of the file is kept.
    """
    from pilothouse.evals.datasets.files import read_items  # noqa: PLC0415 - SQLAlchemy is not for --help
    from pilothouse.storage.evaluating.datasets import Datasets  # noqa: PLC0415

    named = dict[str, str]()
    for pair in columns:
        field, equals, column = pair.partition("=")
        if not equals:
            raise click.UsageError(f"--column {pair!r}: write it as input=question.")
        named[field] = column
    with context.looking() as platform:
        kept = Datasets(platform.store)
        try:
            found = kept.get(project, name)
        except NotFound:
            if not create:
                raise
            found = kept.create(project, name)
        items = read_items(file, form, named)  # type: ignore[arg-type]  # one of its choices
        told = note or f"from {file.name}"
        change = kept.change(project, found, items, replace=replace, base=base, author=my_name(), note=told)
    say_change(change, as_json=as_json)


@click.command()
@click.argument("name")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True))
@click.option("--version", type=click.IntRange(0, 2**31 - 1), help="By default the newest.")
@click.option("--split", help="Only this split.")
@project_option
@pass_context
def export(context: Context, name: str, file: Path, version: int | None, split: str | None, project: str) -> None:
    """Write a version into FILE (- for the standard output) as JSON Lines, which `import` reads back."""
    from pilothouse.evals.datasets.files import line_of  # noqa: PLC0415
    from pilothouse.storage.evaluating.datasets import Datasets  # noqa: PLC0415

    with context.looking() as platform:
        kept = Datasets(platform.store)
        found = kept.get(project, name)
        number = kept.version(project, found, version).number
        lines = map(line_of, kept.items.each(project, found.id, number, split=split))
        count = 0
        out = sys.stdout.buffer if str(file) == "-" else file.open("wb")
        try:
            for line in lines:
                out.write(line)
                count += 1
            out.flush()
        finally:
            if out is not sys.stdout.buffer:
                out.close()
    click.echo(f"{count:,} items of version {number}.", err=True)


COMMANDS = (import_, export)
"""For the group."""
