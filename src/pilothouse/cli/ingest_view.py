"""How an ingest looks on a terminal: its progress while it runs, its report when it is done."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from pilothouse.cli.context import show_rows

if TYPE_CHECKING:
    from pilothouse.rag import IngestReport

__all__ = ["Show", "show_progress", "show_report"]

Show = Callable[[int, int, str], None]
"""Told `done`, `total` (0 while it is not known) and a note, as often as one likes."""


@contextmanager
def show_progress() -> Iterator[Show]:
    """A bar on a terminal, else a line per step; on standard error."""
    if not sys.stderr.isatty():
        said: set[str] = set()

        def tell(_: int, total: int, note: str) -> None:
            step = note.partition(" ")[0]
            if step and step not in said:
                said.add(step)
                click.echo(f"{note} ({total})..." if total else f"{note}...", err=True)

        yield tell
        return
    from rich.console import Console  # noqa: PLC0415 - rich is for terminals
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Waiting", total=None)

        def show(done: int, total: int, note: str) -> None:
            bar.update(task, completed=done, total=total or None, description=note or "Waiting")

        yield show


def show_report(report: "IngestReport") -> None:
    """Say in a few lines what an ingest did, and list the documents that could not be read or are odd."""
    counts = ", ".join(f"{n} {s}" for s in ("added", "changed", "unchanged", "removed") if (n := report.count(s)))
    sizes = [_counted(n, noun) for n, noun in ((report.pages, "page"), (report.chunks, "passage")) if n]
    read = ", ".join(sizes) or "nothing new"
    click.echo(f"{report.corpus}@{report.version}: {counts or 'no documents'}; {read}, in {report.seconds:.1f} s.")
    if report.skipped:
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in sorted(report.skipped.items()))
        click.echo(f"Skipped, for want of a loader: {kinds}.")
    for note in report.notes:
        click.echo(note)
    odd = [asdict(outcome) for outcome in report.outcomes if outcome.reason]
    if odd:
        show_rows(odd, ("source", "status", "reason"), as_json=False, empty="")
    if report.failed:
        click.echo(f"{_counted(report.failed, 'file')} could not be read.")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
