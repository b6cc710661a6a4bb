"""What commands that change a dataset have in common: their options, and what they say of the change."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from pilothouse.cli.context import in_json
from pilothouse.cli.options import me

if TYPE_CHECKING:
    from pilothouse.storage.evaluating.dataset_changes import Change

__all__ = ["base_option", "my_name", "note_option", "say_change"]

base_option = click.option(
    "--base", type=click.IntRange(0, 2**31 - 1), metavar="VERSION", help="Only where this is the newest version."
)
note_option = click.option("--note", default="", help="What the change is for; kept with the version.")


def my_name() -> str:
    """Who runs the command, as the author of a version."""
    return me().name


def say_change(change: "Change | dict[str, Any]", *, as_json: bool) -> None:
    """Print what became of it."""
    told = change if isinstance(change, dict) else asdict(change)
    if as_json:
        click.echo(in_json(told))
    elif not (told["added"] or told["changed"] or told["removed"]):
        click.echo(f"Nothing changed; the newest version is {told['version']}.")
    else:
        counts = ", ".join(f"{told[name]:,} {name}" for name in ("added", "changed", "removed") if told[name])
        same = f" ({told['unchanged']:,} were there already)" if told["unchanged"] and told["added"] else ""
        click.echo(f"Version {told['version']}: {counts}{same}.")
