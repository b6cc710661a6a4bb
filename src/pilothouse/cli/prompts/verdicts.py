"""`pilothouse prompts verdicts`: what evaluations of a prompt's versions decided."""

import click

from pilothouse.cli.context import as_json, show_rows
from pilothouse.cli.options import shown_time
from pilothouse.cli.prompts.desk import Desk, at_registry

__all__ = ["verdicts"]


@click.command()
@click.argument("prompt", metavar="NAME[@VERSION]")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="So many at most.")
@as_json
@at_registry
def verdicts(desk: Desk, /, prompt: str, limit: int, as_json: bool) -> None:
    """What evaluations of a prompt decided, of one version or of all; the newest first."""
    from pilothouse.prompts.versions import reference_of  # noqa: PLC0415 - the rooms are heavy, and not for --help

    reference = reference_of(prompt)
    found = desk.verdicts(reference.name, version=reference.version, limit=limit)
    rows = [
        {
            **one, "at": shown_time(one["made_us"]), "by": one["actor"], "run": one["run_id"],
            "said": "passed" if one["passed"] else " ".join(one["reasons"]),
        }
        for one in found
    ]  # fmt: skip
    columns = ("at", "version", "label", "against", "by", "run", "said")
    show_rows(rows, columns, as_json=as_json, empty=f"No version of '{reference.name}' was evaluated yet.")
