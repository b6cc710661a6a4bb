"""`pilothouse prompts reject`: disagree with a promotion that waits."""

from dataclasses import asdict

import click

from pilothouse.cli.context import Context, as_json, in_json, pass_context, plain
from pilothouse.cli.filters import project_option
from pilothouse.cli.options import me
from pilothouse.cli.prompts.registry import opened

__all__ = ["reject"]


@click.command()
@click.argument("request")
@click.option("-m", "--note", default="", metavar="TEXT", help="Why.")
@project_option
@as_json
@pass_context
def reject(context: Context, request: str, note: str, project: str, as_json: bool) -> None:
    """Disagree with the promotion of this id, or take back one's own."""
    with opened(context) as prompts:
        done = prompts.reject(project, request, by=me(), note=note)
    told = plain(f"Rejected: {done.name}@{done.version} does not become {done.label}.")
    click.echo(in_json(asdict(done)) if as_json else told)
