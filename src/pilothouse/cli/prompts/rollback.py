"""`pilothouse prompts rollback`: let a label point to what it pointed to before."""

import click

from pilothouse.cli.context import as_json
from pilothouse.cli.prompts.desk import Desk, at_registry
from pilothouse.cli.prompts.registry import reason_option, tell

__all__ = ["rollback"]


@click.command()
@click.argument("name")
@click.option("--label", default="production", show_default=True, help="The label.")
@click.option("--expected", type=click.IntRange(0), metavar="VERSION", help="Only where the label points there now.")
@reason_option
@as_json
@at_registry
def rollback(desk: Desk, /, name: str, label: str, expected: int | None, reason: str, as_json: bool) -> None:
    """Let a label point to what it pointed to before. Again, and it goes back further."""
    tell(desk.rollback(name, label=label, reason=reason, expected=expected), as_json=as_json)
