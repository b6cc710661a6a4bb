"""Items of a dataset on the command line: listed, added, removed, and two versions compared."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from pilothouse.cli.context import Context, as_json, in_json, pass_context, plain, show_rows
from pilothouse.cli.evals.changed import base_option, my_name, note_option, say_change
from pilothouse.cli.filters import project_option
from pilothouse.errors import NotFound

if TYPE_CHECKING:
    from pilothouse.storage.evaluating.dataset_items import Item, NewItem

__all__ = ["COMMANDS"]

_SHOWN = 70
_VERSION = click.IntRange(0, 2**31 - 1)
_COLUMNS = ("id", "split", "input", "expected", "source_trace")


@click.command(name="items")
@click.argument("name")
@click.option("--version", type=_VERSION, help="By default the newest.")
@click.option("--split", help="Only those of this split.")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="How many.")
@click.option("--after", type=click.IntRange(0), metavar="PLACE", help="Continue a list.")
@project_option
@as_json
@pass_context
def items_(
    context: Context, name: str, version: int | None, split: str | None, limit: int, after: int | None, project: str,
    as_json: bool,
) -> None:  # fmt: skip
    """The items of a version, in their order."""
    from pilothouse.storage.evaluating.datasets import Datasets  # noqa: PLC0415 - SQLAlchemy is not for --help

    with context.looking() as platform:
        kept = Datasets(platform.store)
        found = kept.get(project, name)
        number = kept.version(project, found, version).number
        page = kept.items.page(project, found.id, number, split=split, after=after, limit=limit)
    rows = [_whole(item) if as_json else _row(item) for item in page.items]
    show_rows(rows, _COLUMNS, as_json=as_json, empty="No items.")
    if page.next is not None and not as_json:
        click.echo(f"\nThere are more: add --after {page.next}", err=True)


@click.command()
@click.argument("name")
@click.option("--input", "given", help="A text; with --parse any JSON.")
@click.option("--expected", help="What a good answer is.")
@click.option("--parse", "parsed", is_flag=True, help="Input and expected are JSON, not texts.")
@click.option("--id", "key", help="A name that stays; an item that has it is changed.")
@click.option("--context", "passages", multiple=True, help="A passage to answer from; may be repeated.")
@click.option("--metadata", metavar="JSON", help="An object.")
@click.option("--split", help="Such as test.")
@click.option("--trace", metavar="ID", help="Take input and context from this trace, or `last`.")
@click.option("--span", default="", metavar="ID", help="Of that trace this step.")
@base_option
@note_option
@project_option
@as_json
@pass_context
def add(
    context: Context, /, name: str, base: int | None, note: str, project: str, as_json: bool, trace: str | None,
    span: str, **fields: Any,
) -> None:  # fmt: skip
    """Add one item, or change what is said of the one of this --id. With --trace it is a step of production."""
    from pilothouse.evals.datasets.production import Production  # noqa: PLC0415
    from pilothouse.storage.evaluating.datasets import Datasets  # noqa: PLC0415

    if fields["given"] is not None and trace is not None:
        raise click.UsageError("Say --input, or --trace.")
    with context.looking() as platform:
        platform.drainer.flush()
        kept, production = Datasets(platform.store), Production(platform.store)
        found, there = kept.get(project, name), None
        if trace is not None:
            there = production.item(project, platform.traces.find(trace, project), span)
        elif fields["key"]:
            with suppress(NotFound):
                there = kept.items.get(project, fields["key"], found.id, found.version)
        if there is None and fields["given"] is None:
            raise click.UsageError("A new item needs --input, or --trace.")
        item = _stated(there, **fields)
        change = production.put(project, found, [item], base=base, author=my_name(), note=note)
    say_change(change, as_json=as_json)


@click.command()
@click.argument("name")
@click.argument("ids", nargs=-1, required=True)
@base_option
@note_option
@project_option
@as_json
@pass_context
def remove(
    context: Context, name: str, ids: tuple[str, ...], base: int | None, note: str, project: str, as_json: bool
) -> None:  # fmt: skip
    """Take items out, in a new version. Versions of before keep them."""
    from pilothouse.storage.evaluating.datasets import Datasets  # noqa: PLC0415

    with context.looking() as platform:
        kept = Datasets(platform.store)
        found = kept.get(project, name)
        for one in ids:
            kept.items.get(project, one, found.id, found.version)
        change = kept.change(project, found, remove=ids, base=base, author=my_name(), note=note)
    say_change(change, as_json=as_json)


@click.command()
@click.argument("name")
@click.argument("old", type=_VERSION, required=False)
@click.argument("new", type=_VERSION, required=False)
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="How many differences.")
@click.option("--after", type=click.IntRange(0), metavar="PLACE", help="Continue a list.")
@project_option
@as_json
@pass_context
def diff(
    context: Context, name: str, old: int | None, new: int | None, limit: int, after: int | None, project: str,
    as_json: bool,
) -> None:  # fmt: skip
    """What version NEW has otherwise than OLD; by default the newest, and the one before."""
    from pilothouse.storage.evaluating.datasets import Datasets  # noqa: PLC0415

    with context.looking() as platform:
        kept = Datasets(platform.store)
        found = kept.get(project, name)
        later = kept.version(project, found, new).number
        earlier = kept.version(project, found, max(0, later - 1) if old is None else old).number
        told = kept.items.diff(project, found.id, earlier, later, after=after, limit=limit)
    counts = {"added": told.added, "removed": told.removed, "changed": told.changed}
    if as_json:
        rows = [{"kind": d.kind, "id": d.key, "old": _or_none(d.old), "new": _or_none(d.new)} for d in told.page]
        click.echo(in_json({"from": earlier, "to": later, **counts, "data": rows, "next": told.next}))
        return
    click.echo(f"{earlier} to {later}: {told.added} added, {told.changed} changed, {told.removed} removed.")
    for one in told.page:
        mark = {"added": "+", "removed": "-", "changed": "~"}[one.kind]
        click.echo(f"{mark} {plain(one.key)}  {_short((one.new or one.old).input)}")  # type: ignore[union-attr]
        if one.old is not None and one.new is not None:
            for line in _fields(one.old, one.new):
                click.echo(f"    {plain(line)}")
    if told.next is not None:
        click.echo(f"\nThere are more: add --after {told.next}", err=True)


COMMANDS = (items_, add, remove, diff)
"""For the group."""

_CONTENT = ("input", "expected", "context", "metadata", "split", "source_trace", "source_span")


def _stated(
    item: "NewItem | None", *, given: str | None, expected: str | None, parsed: bool, key: str | None,
    passages: tuple[str, ...], metadata: str | None, split: str | None,
) -> "NewItem":  # fmt: skip
    """The item that the options say, beside what `item` has."""
    from pilothouse.storage.evaluating.dataset_items import NewItem  # noqa: PLC0415

    def read(option: str, text: str) -> Any:
        try:
            return json.loads(text)
        except ValueError as error:
            raise click.UsageError(f"{option} is no JSON: {error}.") from None

    about = {} if metadata is None else read("--metadata", metadata)
    if not isinstance(about, dict):
        raise click.UsageError("--metadata must be a JSON object.")
    changes: dict[str, Any] = {"split": split} if split else {}
    for name, text in (("input", given), ("expected", expected)):
        if text is not None:
            changes[name] = read(f"--{name}", text) if parsed else text
    changes |= {"context": passages} if passages else {}
    changes |= {"key": key} if key else {}
    if item is None:
        return NewItem(**changes, metadata=about)
    return replace(item, **changes, metadata={**item.metadata, **about})


def _row(item: "Item") -> dict[str, Any]:
    shown = {"input": _short(item.input), "expected": "" if item.expected is None else _short(item.expected)}
    return {"id": item.key, "split": item.split, **shown, "source_trace": item.source_trace}


def _whole(item: "Item") -> dict[str, Any]:
    told = {name: getattr(item, name) for name in _CONTENT}
    return {"id": item.key, **told, "hash": item.hash, "since": item.since, "until": item.until}


def _or_none(item: "Item | None") -> dict[str, Any] | None:
    return None if item is None else _whole(item)


def _short(value: Any) -> str:
    from pilothouse.evals.datasets.near import said  # noqa: PLC0415 - numpy is not for --help

    text = " ".join((said(value) or json.dumps(value, ensure_ascii=False)).split())
    return plain(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…")


def _fields(old: "Item", new: "Item") -> list[str]:
    changed = [name for name in _CONTENT if getattr(old, name) != getattr(new, name)]
    return [f"{name}: {_told(getattr(old, name))} -> {_told(getattr(new, name))}" for name in changed]


def _told(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
