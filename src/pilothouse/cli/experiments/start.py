"""`pilothouse experiments start`: begin to split calls."""

import click

from pilothouse.cli.context import Context, pass_context
from pilothouse.cli.filters import project_option
from pilothouse.cli.options import me

__all__ = ["start"]


@click.command()
@click.argument("name")
@click.option("--force", is_flag=True, help="Also what the gate of a protected label refuses. Needs a reason.")
@click.option("--reason", default="", help="Why, for the audit log.")
@project_option
@pass_context
def start(context: Context, name: str, force: bool, reason: str, project: str) -> None:
    """Begin to split calls. NAME is the experiment's name or id."""
    with context.looking() as platform:
        registry = platform.prompts.experiments.registry
        started = registry.start(project, name, by=me(), force=force, reason=reason)
    shown = ", ".join(f"{arm.name} {arm.weight:g}" for arm in started.arms)
    click.echo(f"{started.name}: splits {started.about} by {started.unit}: {shown}.")
