"""`pilothouse prompts label`: the labels of a prompt."""

import click

from pilothouse.cli.context import as_json, show_rows
from pilothouse.cli.options import shown_time
from pilothouse.cli.prompts.desk import Desk, at_registry
from pilothouse.cli.prompts.promote import promoted
from pilothouse.cli.prompts.registry import reason_option, tell

__all__ = ["label"]

_COLUMNS = ("label", "version", "before", "by", "at", "reason")


@click.command()
@click.argument("reference")
@click.argument("label", required=False)
@click.option("--remove", is_flag=True, help="Take the label away; a rollback brings it back.")
@reason_option
@as_json
@at_registry
def label(desk: Desk, /, reference: str, label: str | None, remove: bool, reason: str, as_json: bool) -> None:
    """The labels of NAME. With a LABEL, let it point to NAME@3, or --remove it from NAME."""
    if label is not None and not remove:
        promoted(desk, reference, label, reason=reason, as_json=as_json)
        return
    if remove and label is None:
        raise click.UsageError("Which label? Write it after the name.")
    if label is not None:
        tell(desk.unlabel(reference, label, reason=reason), as_json=as_json)
        return
    about = desk.prompt(reference)
    rows = [*about["moves"].values()]
    if not as_json:
        rows = [{**row, "by": row["actor"], "at": shown_time(row["at_us"])} for row in rows]
        rows.append({"label": "latest", "version": about["newest"]})
    show_rows(rows, _COLUMNS, as_json=as_json, empty="")
