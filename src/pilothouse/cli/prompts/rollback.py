"""`pilothouse prompts rollback`: let a label point to what it pointed to before."""

import click

from pilothouse.cli.context import Context, as_json, pass_context
from pilothouse.cli.filters import project_option
from pilothouse.cli.options import me
from pilothouse.cli.prompts.registry import opened, reason_option, tell

__all__ = ["rollback"]


@click.command()
@click.argument("name")
@click.option("--label", default="production", show_default=True, help="The label.")
@click.option("--expected", type=click.IntRange(0), metavar="VERSION", help="Only where the label points there now.")
@reason_option
@project_option
@as_json
@pass_context
def rollback(
    context: Context, name: str, label: str, expected: int | None, reason: str, project: str, as_json: bool
) -> None:  # fmt: skip
    """Let a label point to what it pointed to before. Again, and it goes back further."""
    with opened(context) as prompts:
        done = prompts.rollback(project, name, label, by=me(), reason=reason, expected=expected)
    tell(done, as_json=as_json)
