"""`pilothouse experiments create`: an experiment from a file."""

from pathlib import Path

import click

from pilothouse.cli.context import as_json, in_json, plain
from pilothouse.cli.experiments.designs import read_design
from pilothouse.cli.experiments.desk import Desk, at_experiments

__all__ = ["create"]


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--start", is_flag=True, help="Start it, too.")
@as_json
@at_experiments
def create(desk: Desk, /, file: Path, start: bool, as_json: bool) -> None:
    """A draft from the YAML in FILE. See docs/experiments.md for what it holds."""
    made = desk.create(read_design(file).model_dump(mode="json", exclude_unset=True), start=start)
    click.echo(in_json(made) if as_json else plain(f"{made['name']} {made['id']}: {made['status']}."))
