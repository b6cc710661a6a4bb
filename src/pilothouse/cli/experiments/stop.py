"""`pilothouse experiments stop`: end an experiment by hand."""

import click

from pilothouse.cli.context import as_json, in_json, plain
from pilothouse.cli.experiments.desk import Desk, at_experiments

__all__ = ["stop"]


@click.command()
@click.argument("name")
@click.option("--reason", default="", help="Why, for the audit log.")
@as_json
@at_experiments
def stop(desk: Desk, /, name: str, reason: str, as_json: bool) -> None:
    """End it: all calls get what they would without it. NAME is the experiment's name or id."""
    stopped = desk.stop(name, reason=reason)
    click.echo(in_json(stopped) if as_json else plain(f"{stopped['name']}: stopped."))
