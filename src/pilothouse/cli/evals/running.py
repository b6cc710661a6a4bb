"""What the commands that work on a run have in common: the bar while it runs, and the figures after it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pilothouse.cli.context import in_json, plain
from pilothouse.cli.options import shown_time
from pilothouse.types import Json

if TYPE_CHECKING:
    from pilothouse.evals.runs.evaluate import Ended
    from pilothouse.evals.runs.prepare import Prepared
    from pilothouse.evals.runs.rooms import Rooms
    from pilothouse.evals.runs.runner import Heard
    from pilothouse.storage.evaluating.eval_runs import EvalRuns, Run

__all__ = ["STOPPED", "code_of", "row_of", "say_ended", "say_reports", "showing", "tenths", "worked"]

STOPPED = 130
_LINES = 10  # on a pipe: one for each tenth of a run


async def worked(rooms: "Rooms", project: str, run: "Run", prepared: "Prepared") -> "Ended":
    """Work a run off with a bar on a terminal and lines elsewhere. Ctrl-C stops it, so that it can be resumed."""
    from pilothouse.evals.runs.evaluate import work  # noqa: PLC0415 - the room is heavy, and not for --help

    with showing(run.name) as heard:
        return await work(rooms, project, run, prepared, heard=heard, catch=True)


def code_of(ended: "Ended", *, as_json: bool) -> int:
    """Say how a run ended; the exit code that says the same."""
    say_ended(ended, as_json=as_json)
    if ended.run.status == "stopped":
        click.echo(f"Go on with: pilothouse evals resume {ended.run.id}", err=True)
        return STOPPED
    return 0 if ended.passed else 1


def say_ended(ended: "Ended", *, as_json: bool) -> None:
    """The figures of a run, for people or for programs."""
    from pilothouse.cli.evals.shown import shown_told  # noqa: PLC0415 - numpy, and not for --help
    from pilothouse.evals.reports.figures import money  # noqa: PLC0415

    if as_json:
        told = {**row_of(ended.run), "report": ended.told.to_json(), "asked_again": ended.asked_again}
        click.echo(in_json(told))
        return
    for line in shown_told(ended.told):
        click.echo(plain(line))
    kept = f"; {ended.told.summary.cached} answers were kept from before" if ended.told.summary.cached else ""
    click.echo(f"Paid: {money(ended.run.cost_nano)}{kept}.")
    if ended.asked_again:
        click.echo(f"{ended.asked_again} calls were under way when a process was killed, and were asked again.")


def say_reports(ended: "Ended", runs: "EvalRuns", project: str, markdown: Path | None, junit: Path | None) -> None:
    """Write the files that were asked for."""
    from pilothouse.evals.reports.junit import junit as in_junit  # noqa: PLC0415
    from pilothouse.evals.reports.markdown import markdown as in_markdown  # noqa: PLC0415

    if markdown is not None:
        markdown.write_text(in_markdown(ended.told).rstrip("\n") + "\n", encoding="utf-8")
    if junit is not None:
        junit.write_text(in_junit(ended.told, runs.each(project, ended.run.id)), encoding="utf-8")


def row_of(run: "Run") -> Json:
    """A run as a row of a list, and as JSON."""
    return {
        "id": run.id, "name": run.name, "suite": run.suite, "kind": run.kind, "status": run.status, "error": run.error,
        "dataset_id": run.dataset_id, "dataset_version": run.dataset_version, "subject": run.subject,
        "metadata": run.metadata, "baseline_id": run.baseline_id, "cases": run.cases, "trials": run.trials,
        "done": run.done, "erased": run.erased, "plan_hash": run.plan_hash,
        "cost_usd": None if run.cost_nano is None else run.cost_nano / 1e9, "created": shown_time(run.created_us),
        "ended": shown_time(run.ended_us),
    }  # fmt: skip


@contextmanager
def showing(name: str) -> "Iterator[Heard]":
    """A bar on a terminal; on a pipe a line for each tenth."""
    if not sys.stderr.isatty():
        yield _lines(lambda text: click.echo(text, err=True))
        return
    from rich.console import Console  # noqa: PLC0415 - rich is for terminals
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        TextColumn("${task.fields[spent]:.4f}"),
    )  # fmt: skip
    with Bar(*columns, console=Console(stderr=True, markup=False), transient=True) as bar:
        task = bar.add_task(plain(name), total=None, spent=0.0)

        def told(done: int, total: int, nano: int) -> None:
            bar.update(task, completed=done, total=total or None, spent=nano / 1e9)

        yield told


def _lines(say: Callable[[str], None]) -> "Heard":
    tell = tenths(say)
    return lambda done, total, nano: tell(done, total, f"${nano / 1e9:.4f} so far")


def tenths(say: Callable[[str], None]) -> Callable[[int, int, str], None]:
    """What is told of work that goes on, in a line for each tenth of it."""
    said = -1

    def told(done: int, total: int, note: str) -> None:
        nonlocal said
        part = done * _LINES // total if total else _LINES
        if part != said:
            said = part
            say(f"{done} of {total}, {note}")

    return told
