"""`pilothouse prompts watch`: how the version that a label has does in production beside the one before it."""

import click

from pilothouse.cli.context import as_json, in_json, plain, show_rows
from pilothouse.cli.options import shown_time
from pilothouse.cli.prompts.desk import Desk, at_registry

__all__ = ["watch"]


@click.command()
@click.argument("name")
@as_json
@at_registry
def watch(desk: Desk, /, name: str, as_json: bool) -> None:
    """How the versions that watched labels have do beside those before them, as of the last look of a server."""
    found = desk.watched(name)
    if as_json:
        click.echo(in_json(found))
        return
    if not found:
        click.echo("No label of it is watched: that begins with a promotion from one version to another.")
    for one in found:
        back = ", the label went back" if one["went_back"] and not one["failed"] else ""
        click.echo(plain(f"{one['label']}, looked at {shown_time(one['looked_us'])} (UTC){back}:"))
        rows = [{**figure, "worse": "yes" if figure["got_worse"] else ""} for figure in one["figures"]]
        columns = ("name", "calls_before", "before", "calls_after", "after", "allowed", "p", "worse")
        show_rows(rows, columns, as_json=False, empty="  Too few calls of both versions yet.")
        for text in filter(None, (one["says"], one["failed"])):
            click.echo(plain(text))
