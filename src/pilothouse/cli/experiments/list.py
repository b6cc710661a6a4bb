"""`pilothouse experiments list`: the experiments there are."""

import click

from pilothouse.cli.context import as_json, show_rows
from pilothouse.cli.experiments.desk import Desk, at_experiments

__all__ = ["list"]

_COLUMNS = ("name", "status", "about", "arms", "primary", "outcome", "id")


@click.command()
@click.option("--status", type=click.Choice(["draft", "running", "decided", "stopped"]), help="Only those.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="How many.")
@as_json
@at_experiments
def list(desk: Desk, /, status: str | None, limit: int, as_json: bool) -> None:
    """The newest first."""
    found = desk.list(status=status, limit=limit)
    rows = [
        one if as_json else {
            **one, "arms": ", ".join(arm["name"] for arm in one["arms"]),
            "outcome": "" if one["outcome"] is None else f"{one['outcome']['kind']}: {one['outcome']['arm']}",
        }
        for one in found
    ]  # fmt: skip
    empty = "No experiments. Make one: pilothouse experiments create FILE.yaml"
    show_rows(rows, _COLUMNS, as_json=as_json, empty=empty)
