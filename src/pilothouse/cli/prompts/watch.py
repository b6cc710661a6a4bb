"""`pilothouse prompts watch`: how the version that a label has does in production beside the one before it."""

import click

from pilothouse.cli.context import Context, as_json, in_json, pass_context, plain, show_rows
from pilothouse.cli.filters import project_option
from pilothouse.cli.options import shown_time

__all__ = ["watch"]


@click.command()
@click.argument("name")
@project_option
@as_json
@pass_context
def watch(context: Context, /, name: str, project: str, as_json: bool) -> None:
    """How the versions that watched labels have do beside those before them, as of the last look of a server."""
    with context.looking() as platform:
        platform.prompts.prompts.prompt(project, name)
        found = [one.to_json() for one in platform.prompts.watch.watches.of(project, name)]
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
