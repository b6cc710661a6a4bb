"""The registry of the home as commands open it, and how they tell of a change, wherever it was made."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from pilothouse.cli.context import Context, in_json, plain
from pilothouse.cli.options import control
from pilothouse.types import Json

if TYPE_CHECKING:
    from pilothouse.prompts.registry import Prompts

__all__ = ["guarded", "opened", "reason_option", "tell"]

reason_option = click.option("-m", "--reason", default="", metavar="TEXT", help="Why, for the history.")


@contextmanager
def opened(context: Context) -> "Iterator[Prompts]":
    """The registry of this home, for whatever no guard need allow. Needs no configuration."""
    from pilothouse.prompts.registry import Prompts  # noqa: PLC0415 - SQLAlchemy costs 150 ms that --help does not need

    with control(context) as engine:
        yield Prompts(engine)


@contextmanager
def guarded(context: Context) -> "Iterator[Prompts]":
    """The same under the configuration, which says what labels are protected: it must hold, secrets included."""
    with context.platform() as platform:
        yield platform.prompts.prompts


def tell(change: Json, *, as_json: bool) -> None:
    """Say where a label points now, or that its promotion waits."""
    if as_json:
        click.echo(in_json(change))
    elif "status" in change:
        what = f"{change['name']}@{change['version']} as {change['label']}"
        click.echo(f"{plain(what)} waits for a second person: pilothouse prompts approve {change['id']}")
    elif change["version"] is None:
        told = f"{change['name']} has no label {change['label']} any more; it pointed to {change['before']}."
        click.echo(plain(told))
    else:
        before = "" if change["before"] is None else f", before to {change['before']}"
        click.echo(plain(f"{change['label']} of {change['name']} points to {change['version']}{before}."))
