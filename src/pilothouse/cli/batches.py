"""`pilothouse batches`: give a file of requests to the server that runs on this home, and see what became of it."""

import json
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pilothouse.cli.context import Context, as_json, in_json, pass_context, plain, show_rows
from pilothouse.cli.options import shown_time
from pilothouse.errors import NotFound

if TYPE_CHECKING:
    from pilothouse.app import Platform
    from pilothouse.storage.batches import Batch

__all__ = ["batches"]

_COLUMNS = ("created", "id", "endpoint", "model", "lane", "status", "done", "failed")
_PIECE = 1024 * 1024
_POLL = 0.5  # seconds
_project = click.option("--project", default="default", show_default=True, help="The project.")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def batches() -> None:
    """Batches of requests, as OpenAI's Batch API has them: create, list, show, cancel, output."""


@batches.command()
@click.argument("file", type=_FILE)
@click.option("--endpoint", help="What the requests are for, such as /v1/chat/completions; as the first one says.")
@click.option("--key", "key_id", default="master", show_default=True, help="The id of the key that it runs under.")
@click.option("--metadata", "pairs", multiple=True, metavar="NAME=VALUE", help="Kept with the batch.")
@click.option("--wait", is_flag=True, help="Wait until it has ended.")
@_project
@as_json
@pass_context
def create(
    context: Context, file: Path, endpoint: str | None, key_id: str, pairs: tuple[str, ...], wait: bool, project: str,
    as_json: bool,
) -> int:  # fmt: skip
    """Run the requests in FILE, one JSON object a line. A server on this home or database works them off.

    Exit code 1 where, with --wait, it ended otherwise than completed.
    """
    from pilothouse.gateway.batch.lines import ENDPOINTS  # noqa: PLC0415 - the room is heavy, and not for --help

    endpoint = endpoint or _first_url(file)
    if endpoint not in ENDPOINTS:
        raise click.BadParameter(f"use one of {', '.join(ENDPOINTS)}.", param_hint="--endpoint")
    metadata = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    if len(metadata) != len(pairs):
        raise click.BadParameter("write it as NAME=VALUE, each name once.", param_hint="--metadata")
    with context.looking() as platform:
        principal = platform.keys.current(key_id, project)
        if principal is None or (principal.project_id != project and not principal.everywhere):
            raise NotFound(f"No key '{key_id}' is valid in project '{project}'. `pilothouse keys list` shows them.")
        stored = _upload(platform, project, file)
        batch = platform.batches.create(
            project, key_id=key_id, client_ip="", endpoint=endpoint, input_file_id=stored, metadata=metadata or None
        )
        while wait and not batch.finished:
            time.sleep(_POLL)
            batch = platform.batches.get(project, batch.id)
    _show(batch, as_json)
    return int(wait and batch.status != "completed")


@batches.command(name="list")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="How many.")
@click.option("--after", metavar="ID", help="Continue a list: the last id that it showed.")
@_project
@as_json
@pass_context
def list_(context: Context, limit: int, after: str | None, project: str, as_json: bool) -> None:
    """The newest batches."""
    with context.looking() as platform:
        found = platform.batches.list(project, limit=limit, after=after)
    rows = [batch.to_json() if as_json else _row(batch) for batch in found]
    show_rows(rows, _COLUMNS, as_json=as_json, empty="No batches yet. `pilothouse batches create FILE` makes one.")


@batches.command()
@click.argument("batch_id", metavar="ID")
@_project
@as_json
@pass_context
def show(context: Context, batch_id: str, project: str, as_json: bool) -> None:
    """One batch: how far it is, how it ended, what was wrong with it."""
    with context.looking() as platform:
        batch = platform.batches.get(project, batch_id)
    _show(batch, as_json)


@batches.command()
@click.argument("batch_id", metavar="ID")
@_project
@pass_context
def cancel(context: Context, batch_id: str, project: str) -> None:
    """Ask a batch to stop. What was answered before stays."""
    with context.looking() as platform:
        platform.batches.cancel(project, batch_id)
    click.echo(f"Batch {batch_id} is asked to stop; `pilothouse batches show {batch_id}` tells when it did.")


@batches.command()
@click.argument("batch_id", metavar="ID")
@click.option("--errors", is_flag=True, help="The requests that failed, instead of the answers.")
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="A file to write to.")
@_project
@pass_context
def output(context: Context, batch_id: str, errors: bool, out: Path | None, project: str) -> None:
    """The answers of a batch that has ended, one JSON object a line."""
    with context.looking() as platform:
        batch = platform.batches.get(project, batch_id)
        file_id = batch.error_file_id if errors else batch.output_file_id
        if file_id is None:
            what = "no request failed" if errors else "no request was answered"
            raise NotFound(f"Batch '{batch_id}' is {batch.status}: {what}." if batch.finished else _not_yet(batch))
        _write(platform.files.parts(project, file_id), out)


def _upload(platform: "Platform", project: str, file: Path) -> str:
    """The id of the stored file. Nothing is left of one that cannot be read."""
    writer = platform.files.begin(project, "batch", file.name)
    try:
        with file.open("rb") as content:
            while piece := content.read(_PIECE):
                writer.add(piece)
                writer.flush()
    except BaseException:
        writer.discard()
        raise
    writer.keep_s = 30 * 86_400.0
    return platform.files.complete(project, writer).id


def _first_url(file: Path) -> str:
    with file.open("rb") as content:
        for line in islice(content, 1):
            try:
                return str(json.loads(line)["url"])
            except (ValueError, KeyError, TypeError):
                break
    raise click.UsageError("The first line of the file does not say its url: name it with --endpoint.")


def _write(parts: Iterator[bytes], out: Path | None) -> None:
    with click.open_file("-" if out is None else str(out), "wb") as target:
        for part in parts:
            target.write(part)


def _show(batch: "Batch", as_json: bool) -> None:
    if as_json:
        click.echo(in_json(batch.to_json()))
        return
    facts: dict[str, Any] = {**_row(batch), "total": batch.total, "input": batch.input_file_id}
    facts |= {"output": batch.output_file_id, "errors": batch.error_file_id}
    if batch.usage is not None:
        facts["tokens"] = f"{batch.usage['input_tokens']:,} in, {batch.usage['output_tokens']:,} out"
    for name, value in facts.items():
        if value not in (None, ""):
            click.echo(f"{name:9} {plain(str(value))}")
    for error in batch.errors or ():
        where = f"line {error['line']}: " if error.get("line") else ""
        click.echo(f"          {plain(where + str(error.get('message')))}")


def _row(batch: "Batch") -> dict[str, Any]:
    return {
        "created": shown_time(batch.created_us), "id": batch.id, "endpoint": batch.endpoint, "model": batch.model,
        "lane": batch.lane, "status": batch.status, "done": batch.completed, "failed": batch.failed,
    }  # fmt: skip


def _not_yet(batch: "Batch") -> str:
    return f"Batch '{batch.id}' is {batch.status}: its files are there once it has ended."
