"""`pilothouse prompts reject`: disagree with a promotion that waits."""

import click

from pilothouse.cli.context import as_json, in_json, plain
from pilothouse.cli.prompts.desk import Desk, at_registry

__all__ = ["reject"]


@click.command()
@click.argument("request")
@click.option("-m", "--note", default="", metavar="TEXT", help="Why.")
@as_json
@at_registry
def reject(desk: Desk, /, request: str, note: str, as_json: bool) -> None:
    """Disagree with the promotion of this id, or take back one's own."""
    done = desk.reject(request, note=note)
    told = plain(f"Rejected: {done['name']}@{done['version']} does not become {done['label']}.")
    click.echo(in_json(done) if as_json else told)
