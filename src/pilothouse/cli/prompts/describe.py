"""`pilothouse prompts describe`: what a prompt is for."""

import click

from pilothouse.cli.context import as_json, in_json, plain
from pilothouse.cli.prompts.desk import Desk, at_registry

__all__ = ["describe"]


@click.command()
@click.argument("name")
@click.option("--description", help="What it is for.")
@click.option("--tag", "tags", multiple=True, help="A tag, in place of those before; may be repeated.")
@click.option("--no-tags", is_flag=True, help="Take all tags away.")
@as_json
@at_registry
def describe(
    desk: Desk, /, name: str, description: str | None, tags: tuple[str, ...], no_tags: bool, as_json: bool
) -> None:  # fmt: skip
    """Change what is said of a prompt; what is not given stays."""
    done = desk.describe(name, description=description, tags=tags if tags or no_tags else None)
    tagged = ", ".join(done["tags"]) or "none"
    told = plain(f"{done['name']}: {done['description'] or 'no description'}; tags: {tagged}.")
    click.echo(in_json(done) if as_json else told)
