"""`pilothouse experiments stop`: end an experiment by hand."""

import click

from pilothouse.cli.context import Context, pass_context
from pilothouse.cli.filters import project_option
from pilothouse.cli.options import me

__all__ = ["stop"]


@click.command()
@click.argument("name")
@click.option("--reason", default="", help="Why, for the audit log.")
@project_option
@pass_context
def stop(context: Context, name: str, reason: str, project: str) -> None:
    """End it: all calls get what they would without it. NAME is the experiment's name or id."""
    with context.looking() as platform:
        stopped = platform.prompts.experiments.registry.stop(project, name, by=me(), reason=reason)
    click.echo(f"{stopped.name}: stopped.")
