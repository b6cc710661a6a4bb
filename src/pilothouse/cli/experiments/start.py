"""`pilothouse experiments start`: begin to split calls."""

import click

from pilothouse.cli.context import as_json, in_json, plain
from pilothouse.cli.experiments.desk import Desk, at_experiments

__all__ = ["start"]


@click.command()
@click.argument("name")
@click.option("--force", is_flag=True, help="Also what the gate of a protected label refuses. Needs a reason.")
@click.option("--reason", default="", help="Why, for the audit log.")
@as_json
@at_experiments
def start(desk: Desk, /, name: str, force: bool, reason: str, as_json: bool) -> None:
    """Begin to split calls. NAME is the experiment's name or id."""
    started = desk.start(name, force=force, reason=reason)
    shown = ", ".join(f"{arm['name']} {arm['weight']:g}" for arm in started["arms"])
    said = f"{started['name']}: splits {started['about']} by {started['unit']}: {shown}."
    click.echo(in_json(started) if as_json else plain(said))
