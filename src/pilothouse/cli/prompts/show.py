"""`pilothouse prompts show`: a version."""

import click

from pilothouse.cli.context import Context, as_json, in_json, pass_context, plain
from pilothouse.cli.filters import project_option
from pilothouse.cli.options import shown_time
from pilothouse.cli.prompts.registry import opened

__all__ = ["show"]


@click.command()
@click.argument("reference")
@project_option
@as_json
@pass_context
def show(context: Context, reference: str, project: str, as_json: bool) -> None:
    """A version: NAME@3, or NAME#label; NAME alone is the newest, also of an archived prompt."""
    from pilothouse.prompts.files import write  # noqa: PLC0415 - PyYAML is not for --help
    from pilothouse.prompts.versions import reference_of  # noqa: PLC0415

    asked = reference_of(reference)
    with opened(context) as prompts:
        about = prompts.prompt(project, asked.name)
        newest = about.newest if asked.label is None else None
        found = prompts.get(project, asked.name, version=asked.version or newest, label=asked.label)
    told = {
        "prompt": found.reference, "description": about.description, "tags": ", ".join(about.tags),
        "archived": shown_time(about.archived_us), "labels": ", ".join(found.labels), "hash": found.hash,
        "author": found.author, "made": shown_time(found.created_us), "message": found.message,
    }  # fmt: skip
    if as_json:
        fields = ("project_id", "name", "hash", "message", "author", "created_us", "parent", "labels")
        shown = {"version": found.number, **{name: getattr(found, name) for name in fields}}
        click.echo(in_json({**shown, "content": found.content.to_json()}))
        return
    for name, value in told.items():
        if value:
            click.echo(f"{name:12} {plain(value)}")
    click.echo(f"\n{plain(write(found.name, found.content)).rstrip()}")
