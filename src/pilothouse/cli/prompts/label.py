"""`pilothouse prompts label`: the labels of a prompt."""

from dataclasses import asdict

import click

from pilothouse.cli.context import Context, as_json, pass_context, show_rows
from pilothouse.cli.filters import project_option
from pilothouse.cli.options import me, shown_time
from pilothouse.cli.prompts.promote import promoted
from pilothouse.cli.prompts.registry import guarded, opened, reason_option, tell

__all__ = ["label"]

_COLUMNS = ("label", "version", "before", "by", "at", "reason")


@click.command()
@click.argument("reference")
@click.argument("label", required=False)
@click.option("--remove", is_flag=True, help="Take the label away; a rollback brings it back.")
@reason_option
@project_option
@as_json
@pass_context
def label(
    context: Context, reference: str, label: str | None, remove: bool, reason: str, project: str, as_json: bool
) -> None:  # fmt: skip
    """The labels of NAME. With a LABEL, let it point to NAME@3, or --remove it from NAME."""
    if label is not None and not remove:
        promoted(context, reference, label, False, None, reason, project, as_json)
        return
    if remove and label is None:
        raise click.UsageError("Which label? Write it after the name.")
    if label is not None:
        with guarded(context) as prompts:
            done = prompts.unlabel(project, reference, label, by=me(), reason=reason)
        tell(done, as_json=as_json)
        return
    with opened(context) as prompts:
        newest, moves = prompts.prompt(project, reference).newest, prompts.labels(project, reference).values()
    rows = [asdict(move) for move in moves]
    if not as_json:
        rows = [{**row, "by": row["actor"], "at": shown_time(row["at_us"])} for row in rows]
        rows.append({"label": "latest", "version": newest})
    show_rows(rows, _COLUMNS, as_json=as_json, empty="")
