"""`pilothouse experiments list`: the experiments there are."""

from typing import Literal

import click

from pilothouse.cli.context import Context, as_json, pass_context, show_rows
from pilothouse.cli.filters import project_option

__all__ = ["list"]

_COLUMNS = ("name", "status", "about", "arms", "primary", "outcome", "id")


@click.command()
@click.option("--status", type=click.Choice(["draft", "running", "decided", "stopped"]), help="Only those.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="How many.")
@project_option
@as_json
@pass_context
def list(
    context: Context, status: Literal["draft", "running", "decided", "stopped"] | None, limit: int, project: str,
    as_json: bool,
) -> None:  # fmt: skip
    """The newest first."""
    from pilothouse.lifecycle.experiments.shown import experiment_json  # noqa: PLC0415 - heavy, and not for --help

    with context.looking() as platform:
        found = platform.prompts.experiments.registry.list(project, status=status, limit=limit)
    rows = [
        experiment_json(one) if as_json else {
            "name": one.name, "status": one.status, "about": one.about, "primary": one.primary, "id": one.id,
            "arms": ", ".join(arm.name for arm in one.arms),
            "outcome": "" if one.outcome is None else f"{one.outcome.kind}: {one.outcome.arm}",
        }
        for one in found
    ]  # fmt: skip
    empty = "No experiments. Make one: pilothouse experiments create FILE.yaml"
    show_rows(rows, _COLUMNS, as_json=as_json, empty=empty)
