"""What every command gets: the settings, and the platform built when a command first needs it."""

import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from pilothouse.settings import Settings

if TYPE_CHECKING:
    from pilothouse.app import Platform

__all__ = ["Context", "as_json", "in_json", "pass_context", "plain", "show_rows"]

# Control characters but tab and line feed; marks that turn the direction of writing; halves of surrogate pairs.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

_WIDEST = 10_000  # columns


@dataclass
class Context:
    """The `ctx.obj` of every command. Commands close what they open: `with context.platform() as platform:`."""

    settings: Settings
    build: "Callable[..., Platform]"

    def platform(self) -> "Platform":
        """The embedded platform on this home. A context manager; also usable with `async with` for the full start."""
        return self.build(self.settings)

    def looking(self) -> "Platform":
        """The same, to look at what was kept, not to call models: also where the secrets for that are missing."""
        return self.build(self.settings, serving=False)


pass_context = click.make_pass_decorator(Context)

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def plain(text: str) -> str:
    """Text that came from outside, without the characters that would steer the terminal."""
    return _STEERING.sub("\N{REPLACEMENT CHARACTER}", text)


def in_json(value: Any) -> str:
    """JSON for people and programs, in which what would steer the terminal is escaped."""
    told = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return _STEERING.sub(lambda match: f"\\u{ord(match[0]):04x}", told)


def show_rows(rows: Iterable[dict[str, Any]], columns: Sequence[str], *, as_json: bool, empty: str) -> None:
    """Print rows as a table of `columns`, or all their fields as JSON. `empty` is said when there are none.

    A table is fitted to the terminal; in a file or a pipe, where the next program reads it, nothing is cut.
    """
    rows = list(rows)
    if as_json:
        click.echo(in_json(rows))
        return
    if not rows:
        click.echo(empty)
        return
    from rich.console import Console  # noqa: PLC0415 - rich costs 20 ms that JSON output does not need
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), no_wrap=column == "id")  # an id is there to be copied, whole
    for row in rows:
        table.add_row(*("" if row.get(column) is None else plain(str(row[column])) for column in columns))
    console = Console(markup=False, emoji=False, highlight=False)  # rows hold text that callers chose
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = console.measure(table, options=console.options.update(max_width=_WIDEST)).maximum
    console.print(table)
