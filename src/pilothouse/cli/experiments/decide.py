"""`pilothouse experiments decide`: end an experiment in favour of an arm."""

import click

from pilothouse.cli.context import as_json, in_json, plain
from pilothouse.cli.experiments.desk import Desk, at_experiments

__all__ = ["decide"]


@click.command()
@click.argument("name")
@click.argument("arm")
@click.option("--reason", default="", help="Why, for the audit log.")
@as_json
@at_experiments
def decide(desk: Desk, /, name: str, arm: str, reason: str, as_json: bool) -> None:
    """End it in favour of ARM, which is rolled out. NAME is the experiment's name or id."""
    ended = desk.decide(name, arm=arm, reason=reason)
    note = "" if ended["outcome"] is None else ended["outcome"]["note"]
    click.echo(in_json(ended) if as_json else plain(f"{ended['name']}: {arm}. {note}".strip()))
