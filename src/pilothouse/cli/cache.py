"""`pilothouse cache`: what the caches of a running server answered, forgetting it, and which threshold to take."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import click

from pilothouse.cli.context import Context, as_json, in_json, pass_context, show_rows
from pilothouse.cli.server import ask, server_options
from pilothouse.errors import InvalidRequest

if TYPE_CHECKING:
    from pilothouse.app import Platform
    from pilothouse.cache import Pair

__all__ = ["cache"]

_COLUMNS = ("alias", "lookups", "exact", "coalesced", "semantic", "hit_rate", "would_hit", "false_hits")
_SECTIONS = ("section", "lookups", "hits", "stored", "hit_rate")
_BATCH = 256
_project = click.option("--project", help="The project; the key's own if not set.")


@click.group()
def cache() -> None:
    """The caches: what they answered, forgetting it, and the threshold of a semantic one."""


@cache.command()
@_project
@server_options
@as_json
@pass_context
def show(context: Context, project: str | None, url: str | None, key: str | None, as_json: bool) -> None:
    """Look-ups and hits by alias and by section of fragments, as the server process counts them, and its estimate of
    false hits (95 %)."""
    state = ask(context, url, key, "GET", f"/api/cache?{_query(project_id=project)}")
    if as_json:
        click.echo(in_json(state))
        return
    rows = [{**row, **_rates(row)} for row in state["aliases"]]
    if rows or not state["fragments"]:
        show_rows(rows, _COLUMNS, as_json=False, empty="Nothing was looked up yet.")
    if state["fragments"]:
        sections = [{**row, "hit_rate": _percent(row["hit_rate"])} for row in state["fragments"]]
        show_rows(sections, _SECTIONS, as_json=False, empty="")
    click.echo(f"{state['entries']} entries, {state['bytes']:,} bytes, {state['evictions']} evicted")


@cache.command()
@click.option("--alias", help="Only the answers of this alias.")
@click.option("--fragments", is_flag=True, help="Only the fragments.")
@click.option("--section", help="Only the fragments of this section.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_project
@server_options
@pass_context
def purge(
    context: Context, alias: str | None, fragments: bool, section: str | None, yes: bool, project: str | None,
    url: str | None, key: str | None,
) -> None:  # fmt: skip
    """Forget the cached answers and fragments of a project, or only some."""
    if alias and (fragments or section):
        raise click.UsageError(
            "--alias is about answers, --fragments and --section are not: purge one, then the other."
        )
    if fragments or section:
        what = f"the fragments of '{section}'" if section else f"the fragments of {project or 'the project'}"
        path = f"/api/cache/fragments/purge?{_query(project_id=project, section=section)}"
    else:
        what = f"the cached answers of '{alias}'" if alias else f"all that is cached of {project or 'the project'}"
        path = f"/api/cache/purge?{_query(project_id=project, alias=alias)}"
    if not yes:
        click.confirm(f"Forget {what}?", abort=True)
    gone = ask(context, url, key, "POST", path)
    click.echo(f"{gone['forgotten']} forgotten.")


@cache.command()
@click.argument("pairs", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--false-hits", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.01, show_default=True,
    help="The share of served answers that may be false.",
)  # fmt: skip
@as_json
@pass_context
def calibrate(context: Context, pairs: Path, false_hits: float, as_json: bool) -> int:
    """Find the threshold at which no more than a share of the answers served is false, from labelled PAIRS.

    PAIRS is a file of JSON lines, two questions of the route and whether one's answer serves the other, as people or a
    judge said: {"one": "...", "other": "...", "same": true}. Exit code 1 where no threshold keeps the share: the upper
    end of its 95 % interval counts, and with no false one that takes 367 pairs served for 1 %.
    """
    from pilothouse.cache import calibrate as find  # noqa: PLC0415 - the room is heavy, and not for --help

    with context.looking() as platform:
        found = find(_judged(platform, _read(pairs)), false_hits)
    if as_json:
        click.echo(json.dumps(None if found is None else found._asdict(), indent=2))
    elif found is None:
        click.echo(f"No threshold keeps false hits to {false_hits:.1%} for certain: it takes more pairs, or no cache.")
    else:
        low, high = found.false_hit_interval
        click.echo(f"threshold   {found.threshold:.4f}")
        click.echo(f"hit rate    {found.hit_rate:.1%} of the pairs that mean the same")
        click.echo(f"false hits  {found.false_hit_rate:.2%} of {found.served} served  (95 %: {low:.2%} to {high:.2%})")
    return 0 if found is not None else 1


def _query(**given: str | None) -> str:
    return urlencode({name: value for name, value in given.items() if value})


def _rates(row: dict[str, Any]) -> dict[str, str]:
    low, high = row["false_hit_interval"]
    false, rate = row["false_hit_rate"], row["hit_rate"]
    return {
        "hit_rate": _percent(rate),
        "false_hits": "" if false is None else f"{false:.1%} ({low:.1%} to {high:.1%})",
    }


def _percent(rate: float | None) -> str:
    return "" if rate is None else f"{rate:.1%}"


def _read(path: Path) -> list[tuple[str, str, bool]]:
    """The labelled questions of a file. Raises InvalidRequest naming the line."""
    read = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            given = json.loads(line)
            one, other, same = given["one"], given["other"], given["same"]
            if not (isinstance(one, str) and isinstance(other, str) and isinstance(same, bool)):
                raise TypeError("one and other are texts, same is true or false")
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidRequest(f"{path}:{number}: is no labelled pair ({error!r}).") from None
        read.append((one, other, same))
    if not read:
        raise InvalidRequest(f"{path}: holds no pairs.")
    return read


def _judged(platform: "Platform", given: Sequence[tuple[str, str, bool]]) -> "list[Pair]":
    """With their cosines, and whether a veto parts them: as the semantic cache would see them."""
    from pilothouse.cache import Pair  # noqa: PLC0415 - not needed for the help
    from pilothouse.cache.vetoes import conflict  # noqa: PLC0415
    from pilothouse.cache.wording import read  # noqa: PLC0415

    texts = list(dict.fromkeys(text for one, other, _ in given for text in (one, other)))

    async def encoded() -> list[Any]:
        return [vector for i in range(0, len(texts), _BATCH) for vector in await platform.encode(texts[i : i + _BATCH])]

    vectors = dict(zip(texts, platform.run(encoded()), strict=True))
    return [
        Pair(float(vectors[one] @ vectors[other]), same, conflict(read(one), read(other)) is not None)
        for one, other, same in given
    ]
