"""`pilothouse experiments plan`: how many units a design will need."""

import math
from dataclasses import asdict
from pathlib import Path

import click

from pilothouse.cli.context import as_json, in_json
from pilothouse.cli.experiments.designs import read_design
from pilothouse.errors import InvalidRequest

__all__ = ["plan"]


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--base", type=float, required=True, help="The mean of the primary metric now.")
@click.option("--sd", type=click.FloatRange(0, min_open=True), help="How units differ: their standard deviation. Of a "
              "share it need not be said.")  # fmt: skip
@click.option("--power", type=click.FloatRange(0.5, 0.99), default=0.8, show_default=True,
              help="In how many cases the effect is to be found.")  # fmt: skip
@as_json
def plan(file: Path, base: float, sd: float | None, power: float, as_json: bool) -> None:
    """How many units the experiment in FILE needs to find its minimum_effect. Needs no server and no database."""
    from pilothouse.lifecycle.experiments.planning import plan_of  # noqa: PLC0415 - heavy, and not for --help

    design = read_design(file)
    if not math.isfinite(base):
        raise click.UsageError("--base must be a finite number.")
    if sd is None:
        if not 0 < base < 1:
            raise click.UsageError("Say by how much units differ: --sd. Only a --base between 0 and 1 tells that.")
        sd = math.sqrt(base * (1 - base))
    try:
        made = plan_of(design, base, sd, power)
    except ValueError as error:
        raise InvalidRequest(f"{file}: {error}.") from None
    if as_json:
        click.echo(in_json(asdict(made)))
        return
    click.echo(f"to find a difference of {made.effect:.4g} in {design.primary} in {power:.0%} of the cases:")
    click.echo(
        f"  {_units(made.needed)} in all, looked at as often as one likes; in half of the cases {_units(made.median)}"
    )
    click.echo(f"  {_units(made.fixed)} in all, looked at once, at the end")


def _units(count: int | None) -> str:
    return "out of reach" if count is None else f"{count:,} units"
