"""`pilothouse prompts show`: a version."""

import click

from pilothouse.cli.context import as_json, in_json, plain
from pilothouse.cli.options import shown_time
from pilothouse.cli.prompts.desk import Desk, at_registry

__all__ = ["show"]


@click.command()
@click.argument("reference")
@as_json
@at_registry
def show(desk: Desk, /, reference: str, as_json: bool) -> None:
    """A version: NAME@3, or NAME#label; NAME alone is the newest, also of an archived prompt."""
    from pilothouse.prompts.content import content_of  # noqa: PLC0415
    from pilothouse.prompts.files import write  # noqa: PLC0415 - PyYAML is not for --help
    from pilothouse.prompts.versions import reference_of  # noqa: PLC0415

    asked = reference_of(reference)
    about = desk.prompt(asked.name)
    if asked.label is not None:
        found = desk.labelled(asked.name, asked.label)
    else:
        found = desk.version(asked.name, asked.version or about["newest"])
    if as_json:
        click.echo(in_json(found))
        return
    told = {
        "prompt": f"{found['name']}@{found['version']}", "description": about["description"],
        "tags": ", ".join(about["tags"]), "archived": shown_time(about["archived_us"]),
        "labels": ", ".join(found["labels"]), "hash": found["hash"], "author": found["author"],
        "made": shown_time(found["created_us"]), "message": found["message"],
    }  # fmt: skip
    for name, value in told.items():
        if value:
            click.echo(f"{name:12} {plain(value)}")
    click.echo(f"\n{plain(write(found['name'], content_of(found['content']))).rstrip()}")
