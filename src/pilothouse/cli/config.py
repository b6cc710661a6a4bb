"""`pilothouse config`: the stored configuration, its history, and the ways to change it.

Works on the database; running servers follow by themselves. Knows nothing of how they do that.
"""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import yaml

from pilothouse.cli.context import Context, as_json, in_json, pass_context, plain, show_rows
from pilothouse.config import Config
from pilothouse.errors import ConfigError, Conflict, NotFound
from pilothouse.lifecycle.live import audited
from pilothouse.snapshot import Snapshot, read_config
from pilothouse.storage import SnapshotStore, open_store
from pilothouse.storage.configs import differences, hidden

__all__ = ["config"]

_file = click.argument("file", required=False, type=click.Path(path_type=Path))


@click.group()
def config() -> None:
    """The stored configuration: show, history, diff, rollback, push, validate."""


@config.command()
@click.argument("number", required=False, type=click.IntRange(1))
@as_json
@pass_context
def show(context: Context, number: int | None, as_json: bool) -> None:
    """The current configuration as YAML, or that of Snapshot NUMBER. Secrets are hidden."""
    with _snapshots(context) as snapshots:
        found = _current(snapshots) if number is None else snapshots.read(number)
    body = hidden(found.config)
    if as_json:
        _print({"number": found.number, "hash": found.hash, "author": found.author, "config": body})
        return
    click.echo(plain(f"# Snapshot {found.number} by {found.author}"))
    click.echo(plain(yaml.safe_dump(body, sort_keys=False, allow_unicode=True)), nl=False)


@config.command()
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="How many.")
@click.option("--before", metavar="NUMBER", type=int, help="Continue a list: the last number that it showed.")
@as_json
@pass_context
def history(context: Context, limit: int, before: int | None, as_json: bool) -> None:
    """Who changed the configuration, from where and when; the newest first."""
    with _snapshots(context) as snapshots:
        rows = [asdict(row) for row in snapshots.history(limit=limit, before=before)]
    for row in rows:
        row["created"] = datetime.fromtimestamp(row["created_us"] / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    show_rows(rows, ("number", "created", "author", "source"), as_json=as_json, empty="There is no Snapshot yet.")


@config.command()
@click.argument("old", required=False, type=click.IntRange(0))
@click.argument("new", required=False, type=click.IntRange(1))
@as_json
@pass_context
def diff(context: Context, old: int | None, new: int | None, as_json: bool) -> None:
    """What Snapshot NEW (the current one) has otherwise than OLD (the one before NEW)."""
    with _snapshots(context) as snapshots:
        to = _current(snapshots).number if new is None else new
        changes = snapshots.diff(to - 1 if old is None else old, to)
    if as_json:
        _print([asdict(change) for change in changes])
    else:
        click.echo("\n".join(plain(str(change)) for change in changes) or "Nothing differs.")


@config.command()
@click.argument("number", type=click.IntRange(1))
@pass_context
def rollback(context: Context, number: int) -> None:
    """Make what Snapshot NUMBER holds the current configuration again, as a new Snapshot."""
    with _snapshots(context) as snapshots:
        put = snapshots.rollback(number, author=_user(), source="cli")
    click.echo(f"Snapshot {put.number} holds what Snapshot {number} held. Running servers follow.")


@config.command()
@_file
@click.option("--force", is_flag=True, help="Also over what others changed elsewhere since the file was last taken.")
@pass_context
def push(context: Context, file: Path | None, force: bool) -> None:
    """Make FILE (the configuration file) the current configuration."""
    path = file or context.settings.config
    wanted = _read(path)
    with _snapshots(context) as snapshots:
        number = None if force else _base(snapshots, wanted, path)
        put = snapshots.put(wanted, author=_user(), source="file", expected_number=number)
    click.echo(f"Snapshot {put.number} is current. Running servers follow, those that can: see their /readyz.")


@config.command()
@_file
@as_json
@pass_context
def validate(context: Context, file: Path | None, as_json: bool) -> int:
    """Check FILE (the configuration file) and tell what it would change. Exit code 1 when it is not valid."""
    path = file or context.settings.config
    try:
        wanted = _read(path)
    except ConfigError as error:
        if as_json:
            _print({"valid": False, "problems": error.message.splitlines(), "changes": []})
        else:
            click.echo(plain(error.message), err=True)
        return 1
    with _snapshots(context) as snapshots:
        current = snapshots.current()
    changes = differences(current.config if current else None, wanted)
    if as_json:
        _print({"valid": True, "problems": [], "changes": [asdict(change) for change in changes]})
    else:
        told = [plain(str(change)) for change in changes] or ["It changes nothing."]
        click.echo("\n".join([f"{path} is valid.", *told]))
    return 0


@contextmanager
def _snapshots(context: Context) -> Iterator[SnapshotStore]:
    store = open_store(context.settings)
    try:
        yield SnapshotStore(store.control, audited=audited)
    finally:
        store.close()


def _current(snapshots: SnapshotStore) -> Snapshot:
    current = snapshots.current()
    if current is None:
        raise NotFound("There is no Snapshot yet. `pilothouse config push` makes the first of the configuration file.")
    return current


def _read(path: Path) -> Config:
    if not path.exists():
        raise ConfigError(f"{path}: there is no such file. `pilothouse init` writes one.")
    return read_config(path)


def _base(snapshots: SnapshotStore, wanted: Config, path: Path) -> int:
    """The Snapshot that the file may replace. Raises Conflict where somebody else made it."""
    newest = next(iter(snapshots.history(limit=1)), None)
    if newest is None:
        return 0
    if newest.source == "file" or snapshots.read(newest.number).config == wanted:
        return newest.number
    last = next(iter(snapshots.history(limit=1, source="file")), None)
    since = last.number if last else newest.number - 1
    told = [f"Others changed the configuration since Snapshot {since}:", *snapshots.changed_since(since)]
    raise Conflict("\n".join([*told, f"See `pilothouse config diff {since}`. --force lets {path} win."]))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user without a name
        return "cli"


def _print(body: Any) -> None:
    click.echo(in_json(body))
