"""`pilothouse experiments show`: one experiment with its intervals."""

import click

from pilothouse.cli.context import as_json, in_json, plain, show_rows
from pilothouse.cli.experiments.desk import Desk, at_experiments
from pilothouse.cli.options import shown_time
from pilothouse.types import Json

__all__ = ["show"]

_ARMS = ("arm", "version", "model", "share", "units", "calls")
_COMPARED = ("metric", "arm", "role", "control", "value", "difference", "interval", "p", "note")


@click.command()
@click.argument("name")
@click.option("--now", is_flag=True, help="Look at it now, and decide if it is decided.")
@as_json
@at_experiments
def show(desk: Desk, /, name: str, now: bool, as_json: bool) -> None:
    """One of them, as it was seen last. NAME is the experiment's name or id.

    An interval holds the difference (arm less control) at all looks together, however often one looks.
    """
    told = desk.show(name, now=now)
    if as_json:
        click.echo(in_json(told))
    else:
        _say(told)


def _say(one: Json) -> None:
    head = f"{one['name']} {one['id']}: {one['status']}, {one['about']}, by {one['unit']}, layer {one['layer']}"
    click.echo(plain(head))
    if one["started_us"] is not None:
        ended = "" if one["ended_us"] is None else f", ended {shown_time(one['ended_us'])}"
        click.echo(f"started {shown_time(one['started_us'])}{ended}")
    if (outcome := one["outcome"]) is not None:
        click.echo(plain(f"{outcome['kind']}: {outcome['reason']} {outcome['note']}".rstrip()))
    click.echo()
    look = one["look"]
    seen = {arm["name"]: arm for arm in look["arms"]} if look else {}
    rows = [
        {
            "arm": arm["name"], "version": one["versions"].get(arm["name"], arm["version"]), "model": arm["model"],
            "share": f"{one['shares'][arm['name']]:.1%}",
            **{name: seen.get(arm["name"], {}).get(name, 0) for name in ("units", "calls")},
        }
        for arm in one["arms"]
    ]  # fmt: skip
    show_rows(rows, _ARMS, as_json=False, empty="")
    if look:
        click.echo()
        show_rows([_row(compared) for compared in look["compared"]], _COMPARED, as_json=False, empty="")
        click.echo(f"\nseen {shown_time(look['at_us'])}, split as meant: p = {look['mismatch']:.3g}")


def _row(one: Json) -> Json:
    told = one["low"] is not None and one["high"] is not None
    return {
        **{name: one[name] for name in ("metric", "arm", "role")},
        "control": _number(one["control"]), "value": _number(one["value"]),
        "difference": _number(one["difference"], "+"),
        "interval": f"{_number(one['low'], '+')} to {_number(one['high'], '+')}" if told else "",
        "p": None if one["p"] is None else f"{one['p']:.2g}",
        "note": "" if one["ready"] or one["role"] == "metric" else f"{min(one['units'])} units: too few",
    }  # fmt: skip


def _number(value: float | None, sign: str = "") -> str:
    return "" if value is None else f"{value:{sign}.4g}"
