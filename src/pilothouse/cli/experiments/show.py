"""`pilothouse experiments show`: one experiment with its intervals."""

from typing import TYPE_CHECKING, Any

import click

from pilothouse.cli.context import Context, as_json, in_json, pass_context, plain, show_rows
from pilothouse.cli.filters import project_option
from pilothouse.cli.options import shown_time

if TYPE_CHECKING:
    from pilothouse.lifecycle.experiments.looking import Compared, Look
    from pilothouse.prompts.experiments.shape import Experiment

__all__ = ["show"]

_ARMS = ("arm", "version", "model", "share", "units", "calls")
_COMPARED = ("metric", "arm", "role", "control", "value", "difference", "interval", "p", "note")


@click.command()
@click.argument("name")
@click.option("--now", is_flag=True, help="Look at it now, and decide if it is decided.")
@project_option
@as_json
@pass_context
def show(context: Context, name: str, now: bool, project: str, as_json: bool) -> None:
    """One of them, as it was seen last. NAME is the experiment's name or id.

    An interval holds the difference (arm less control) at all looks together, however often one looks.
    """
    from pilothouse.lifecycle.experiments.shown import experiment_json  # noqa: PLC0415 - heavy, and not for --help

    with context.looking() as platform:
        platform.drainer.flush()
        rooms = platform.prompts.experiments
        found = rooms.work.look(project, name) if now else rooms.registry.get(project, name)
        look = rooms.registry.last_look(project, found.id)
    if as_json:
        told = {**experiment_json(found), "look": None if look is None else look.to_json()}
        click.echo(in_json(told))
        return
    _say(found, look)


def _say(one: "Experiment", look: "Look | None") -> None:
    click.echo(f"{one.name} {one.id}: {one.status}, {one.about}, by {one.unit}, layer {one.layer}")
    if one.started_us is not None:
        ended = "" if one.ended_us is None else f", ended {shown_time(one.ended_us)}"
        click.echo(f"started {shown_time(one.started_us)}{ended}")
    if one.outcome is not None:
        click.echo(plain(f"{one.outcome.kind}: {one.outcome.reason} {one.outcome.note}".rstrip()))
    click.echo()
    seen = {} if look is None else {arm.name: arm for arm in look.arms}
    total = sum(one.weights.values())
    rows: list[dict[str, Any]] = [
        {
            "arm": arm.name, "version": one.versions.get(arm.name, arm.version), "model": arm.model,
            "share": f"{one.weights[arm.name] / total:.1%}",
            "units": seen[arm.name].units if arm.name in seen else 0,
            "calls": seen[arm.name].calls if arm.name in seen else 0,
        }
        for arm in one.arms
    ]  # fmt: skip
    show_rows(rows, _ARMS, as_json=False, empty="")
    if look is not None:
        click.echo()
        show_rows([_row(compared) for compared in look.compared], _COMPARED, as_json=False, empty="")
        click.echo(f"\nseen {shown_time(look.at_us)}, split as meant: p = {look.mismatch:.3g}")


def _row(one: "Compared") -> dict[str, Any]:
    told = one.low is not None and one.high is not None
    return {
        "metric": one.metric, "arm": one.arm, "role": one.role, "control": _number(one.control),
        "value": _number(one.value), "difference": _number(one.difference, "+"),
        "interval": f"{_number(one.low, '+')} to {_number(one.high, '+')}" if told else "",
        "p": None if one.p is None else f"{one.p:.2g}",
        "note": "" if one.ready or one.role == "metric" else f"{min(one.units)} units: too few",
    }  # fmt: skip


def _number(value: float | None, sign: str = "") -> str:
    return "" if value is None else f"{value:{sign}.4g}"
