"""`pilothouse traces export`: traces as a file of flat records, one for each span."""

import sys
from pathlib import Path
from typing import Any

import click

from pilothouse.cli.context import Context, pass_context
from pilothouse.cli.options import DURATION
from pilothouse.ids import now_us

__all__ = ["export"]

_SAME = (
    ("--key", "key_id"), ("--team", "team_id"), ("--user", "user_id"), ("--session", "session_id"),
    ("--feature", "feature"), ("--environment", "environment"), ("--release", "release"), ("--endpoint", "endpoint"),
    ("--tag", "tag"),
)  # fmt: skip


def _filters(command: Any) -> Any:
    for option, name in reversed(_SAME):
        command = click.option(option, name, help=f"Only those of this {option[2:]}.")(command)
    return command


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True))
@click.option("--format", "form", type=click.Choice(["jsonl", "parquet"]), help="By default as FILE is named.")
@click.option("--model", help="Only where this model took part: a name, an alias or a deployment.")
@click.option("--status", type=click.Choice(["ok", "error", "cancelled"]), help="Only those that ended so.")
@click.option("--text", help="Only with this in a name, error, user, session or id.")
@click.option("--since", type=DURATION, help="Only the last 24h, 7d ...")
@_filters
@click.option("--limit", type=click.IntRange(1), help="At most so many traces, the newest.")
@click.option("--payload/--no-payload", default=True, show_default=True, help="With inputs and outputs.")
@click.option("--project", default="default", show_default=True, help="The project.")
@pass_context
def export(
    context: Context, /, file: Path, form: str | None, since: float | None, limit: int | None, payload: bool,
    project: str, **filters: Any,
) -> None:  # fmt: skip
    """Write the traces that fit into FILE (- for the standard output), one record for each span, the newest first."""
    from pilothouse.exports.files import write_jsonl, write_parquet  # noqa: PLC0415 - heavy, and not for --help
    from pilothouse.exports.records import Export  # noqa: PLC0415
    from pilothouse.observe import Filters  # noqa: PLC0415

    form = form or ("parquet" if file.suffix == ".parquet" else "jsonl")
    to_terminal = str(file) == "-"
    if to_terminal and form == "parquet":
        raise click.UsageError("Parquet goes into a file, not to the standard output.")
    since_us = None if since is None else now_us() - int(since * 1e6)
    with context.looking() as platform:
        platform.drainer.flush()
        chosen = Filters(since_us=since_us, **filters)
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
