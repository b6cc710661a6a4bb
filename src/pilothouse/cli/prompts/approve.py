"""`pilothouse prompts approve`: agree with a promotion that waits."""

import click

from pilothouse.cli.context import Context, as_json, pass_context
from pilothouse.cli.filters import project_option
from pilothouse.cli.options import me
from pilothouse.cli.prompts.registry import guarded, tell

__all__ = ["approve"]


@click.command()
@click.argument("request")
@click.option("-m", "--note", default="", metavar="TEXT", help="What there is to say of it.")
@project_option
@as_json
@pass_context
def approve(context: Context, request: str, note: str, project: str, as_json: bool) -> None:
    """Agree with the promotion of this id, as another person than who asked: the label moves."""
    with guarded(context) as prompts:
        done = prompts.approve(project, request, by=me(), note=note)
    tell(done, as_json=as_json)
