"""`pilothouse prompts describe`: what a prompt is for."""

from dataclasses import asdict

import click

from pilothouse.cli.context import Context, as_json, in_json, pass_context, plain
from pilothouse.cli.filters import project_option
from pilothouse.cli.options import me
from pilothouse.cli.prompts.registry import opened

__all__ = ["describe"]


@click.command()
@click.argument("name")
@click.option("--description", help="What it is for.")
@click.option("--tag", "tags", multiple=True, help="A tag, in place of those before; may be repeated.")
@click.option("--no-tags", is_flag=True, help="Take all tags away.")
@project_option
@as_json
@pass_context
def describe(
    context: Context, name: str, description: str | None, tags: tuple[str, ...], no_tags: bool, project: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Change what is said of a prompt; what is not given stays."""
    with opened(context) as prompts:
        given = tags if tags or no_tags else None
        done = prompts.describe(project, name, by=me(), description=description, tags=given)
    told = plain(f"{done.name}: {done.description or 'no description'}; tags: {', '.join(done.tags) or 'none'}.")
    click.echo(in_json(asdict(done)) if as_json else told)
