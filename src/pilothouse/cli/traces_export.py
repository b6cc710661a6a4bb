"""`pilothouse traces export`: traces as a file of flat records, one for each span."""

import sys
from pathlib import Path
from typing import Any

import click

from pilothouse.cli.context import Context, pass_context
from pilothouse.cli.filters import filter_options, given_filters, project_option

__all__ = ["export"]


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True))
@click.option("--format", "form", type=click.Choice(["jsonl", "parquet"]), help="By default as FILE is named.")
@filter_options
@click.option("--limit", type=click.IntRange(1), help="At most so many traces, the newest.")
@click.option("--payload/--no-payload", default=True, show_default=True, help="With inputs and outputs.")
@project_option
@pass_context
def export(
    context: Context, /, file: Path, form: str | None, limit: int | None, payload: bool, project: str, **given: Any
) -> None:  # fmt: skip
    """Write the traces that fit into FILE (- for the standard output), one record for each span, the newest first."""
    from pilothouse.exports.files import write_jsonl, write_parquet  # noqa: PLC0415 - heavy, and not for --help
    from pilothouse.exports.records import Export  # noqa: PLC0415

    form = form or ("parquet" if file.suffix == ".parquet" else "jsonl")
    to_terminal = str(file) == "-"
    if to_terminal and form == "parquet":
        raise click.UsageError("Parquet goes into a file, not to the standard output.")
    chosen = given_filters(**given)
    with context.looking() as platform:
        platform.drainer.flush()
        found = Export(platform.traces, project, chosen, payload=payload, limit=limit)
        if form == "parquet":
            write_parquet(found, file)
        elif to_terminal:
            write_jsonl(found, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        else:
            with file.open("wb") as out:
                write_jsonl(found, out)
    click.echo(f"{found.traces:,} traces, {found.spans:,} spans.", err=True)
    if found.truncated:
        click.echo(f"Of {found.truncated:,} traces only the first 2,000 spans.", err=True)
