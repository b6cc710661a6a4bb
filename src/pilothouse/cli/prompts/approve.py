"""`pilothouse prompts approve`: agree with a promotion that waits."""

import click

from pilothouse.cli.context import as_json
from pilothouse.cli.prompts.desk import Desk, at_registry
from pilothouse.cli.prompts.registry import tell

__all__ = ["approve"]


@click.command()
@click.argument("request")
@click.option("-m", "--note", default="", metavar="TEXT", help="What there is to say of it.")
@as_json
@at_registry
def approve(desk: Desk, /, request: str, note: str, as_json: bool) -> None:
    """Agree with the promotion of this id, as another person than who asked: the label moves."""
    tell(desk.approve(request, note=note), as_json=as_json)
