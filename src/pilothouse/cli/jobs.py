"""`pilothouse jobs`: background work, to look at and to cancel."""

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from pilothouse.cli.context import Context, as_json, in_json, pass_context, plain, show_rows

if TYPE_CHECKING:
    from pilothouse.storage import Job

__all__ = ["jobs"]

_STATUSES = ("queued", "running", "done", "failed", "cancelled")
_COLUMNS = ("created", "id", "task", "status", "progress", "attempts", "said")


@click.group()
def jobs() -> None:
    """Background work: list, show, cancel."""


@jobs.command(name="list")
@click.option("--status", type=click.Choice(_STATUSES), help="Only those that stand so.")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="How many.")
@click.option("--before", metavar="ID", help="Continue a list: the last id that it showed.")
@as_json
@pass_context
def list_(context: Context, status: Any, limit: int, before: str | None, as_json: bool) -> None:
    """The newest jobs."""
    with context.looking() as platform:
        found = platform.jobs.list(status=status, limit=limit, before=before)
    rows = [job.to_json() if as_json else _row(job) for job in found]
    empty = f"No job is {status}." if status else "No jobs yet. They come from work such as: pilothouse rag ingest"
    show_rows(rows, _COLUMNS, as_json=as_json, empty=empty)


@jobs.command()
@click.argument("job_id", metavar="ID")
@as_json
@pass_context
def show(context: Context, job_id: str, as_json: bool) -> None:
    """One job: what it was given, how far it is, how it ended."""
    with context.looking() as platform:
        job = platform.jobs.get(job_id)
    if as_json:
        click.echo(in_json(job.to_json()))
        return
    facts = _row(job) | {"started": _time(job.started_us), "finished": _time(job.finished_us)}
    facts |= {name: json.dumps(value) for name in ("payload", "result") if (value := getattr(job, name)) is not None}
    for name, value in facts.items():
        if value:
            click.echo(f"{name:9} {plain(value)}")
    if job.traceback:
        click.echo(f"\n{plain(job.traceback)}")


@jobs.command()
@click.argument("job_id", metavar="ID")
@pass_context
def cancel(context: Context, job_id: str) -> None:
    """Cancel a queued job at once; a running one is asked to stop."""
    with context.looking() as platform:
        before = platform.jobs.get(job_id)
        job = platform.jobs.cancel(job_id)
    if before.finished:
        click.echo(f"Job {job_id} was finished already: {job.status}.")
    elif job.finished:
        click.echo(f"Job {job_id} is {job.status}.")
    else:
        click.echo(f"Job {job_id} is asked to stop; `pilothouse jobs show {job_id}` tells when it did.")


def _row(job: "Job") -> dict[str, str]:
    return {
        "created": _time(job.created_us),
        "id": job.id,
        "task": job.task,
        "status": "stopping" if job.cancel_requested and job.status == "running" else job.status,
        "progress": f"{job.done}/{job.total}" if job.total else "",
        "attempts": f"{job.attempts} of {job.max_attempts}",
        "said": plain(job.error or job.note).partition("\n")[0],
    }


def _time(at_us: int | None) -> str:
    return "" if at_us is None else datetime.fromtimestamp(at_us / 1e6).strftime("%Y-%m-%d %H:%M:%S")
