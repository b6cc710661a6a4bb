"""`pilothouse experiments decide`: end an experiment in favour of an arm."""

import click

from pilothouse.cli.context import Context, pass_context, plain
from pilothouse.cli.filters import project_option
from pilothouse.cli.options import me

__all__ = ["decide"]


@click.command()
@click.argument("name")
@click.argument("arm")
@click.option("--reason", default="", help="Why, for the audit log.")
@project_option
@pass_context
def decide(context: Context, name: str, arm: str, reason: str, project: str) -> None:
    """End it in favour of ARM, which is rolled out. NAME is the experiment's name or id."""
    with context.looking() as platform:
        ended = platform.prompts.experiments.registry.choose(project, name, arm, by=me(), reason=reason)
    note = "" if ended.outcome is None else ended.outcome.note
    click.echo(plain(f"{ended.name}: {arm}. {note}".strip()))
