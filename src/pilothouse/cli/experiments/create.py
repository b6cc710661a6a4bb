"""`pilothouse experiments create`: an experiment from a file."""

from pathlib import Path

import click

from pilothouse.cli.context import Context, as_json, in_json, pass_context
from pilothouse.cli.experiments.designs import read_design
from pilothouse.cli.filters import project_option
from pilothouse.cli.options import me

__all__ = ["create"]


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--start", is_flag=True, help="Start it, too.")
@project_option
@as_json
@pass_context
def create(context: Context, file: Path, start: bool, project: str, as_json: bool) -> None:
    """A draft from the YAML in FILE. See docs/experiments.md for what it holds."""
    from pilothouse.lifecycle.experiments.shown import experiment_json  # noqa: PLC0415 - heavy, and not for --help

    design = read_design(file)
    with context.looking() as platform:
        registry = platform.prompts.experiments.registry
        made = registry.create(project, design, by=me())
        if start:
            made = registry.start(project, made.id, by=me())
    click.echo(in_json(experiment_json(made)) if as_json else f"{made.name} {made.id}: {made.status}.")
