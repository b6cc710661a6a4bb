"""`pilothouse guards list`."""

import click

from pilothouse.cli.context import Context, as_json, pass_context, show_rows
from pilothouse.guarding import STAGES
from pilothouse.ids import now_us

__all__ = ["list_"]

_COLUMNS = ("policy", "stage", "guard", "action", "looked", "triggered", "rate")


@click.command(name="list")
@click.option("--project", default="default", show_default=True, help="The project of the rates.")
@click.option("--period", default="7d", show_default=True, help="Of the rates: such as 24h, 7d or 4w.")
@as_json
@pass_context
def list_(context: Context, /, project: str, period: str, as_json: bool) -> None:
    """The policies that serve, their guards, and how often each has triggered by the version that serves."""
    from pilothouse.observe.sums.figures import Figures, Period  # noqa: PLC0415 - not needed for the help
    from pilothouse.observe.sums.guard_rates import guard_rates  # noqa: PLC0415

    with context.looking() as platform:
        figures, served = Figures(platform.store), platform.gateway.runtime.guards
        rates = guard_rates(figures, Period.last(period, now_us()), project, by="version")
        by_name = {(one.version, one.guard): one for one in rates}
        rows = []
        for name in served.names():
            policy = served.alone(name)
            for placed in (one for stage in STAGES for one in policy.at(stage)):
                rate = by_name.get((policy.version, placed.guard.name))
                rows.append(
                    {
                        "policy": policy.version, "stage": placed.stage, "guard": placed.guard.name,
                        "action": placed.action, "looked": rate.looked if rate else 0,
                        "triggered": rate.triggered if rate else 0, "rate": rate.rate if rate else None,
                    }
                )  # fmt: skip
    shown = rows if as_json else [{**row, "rate": _percent(row["rate"])} for row in rows]
    show_rows(shown, _COLUMNS, as_json=as_json, empty="No policies: write guards.policies in the configuration.")


def _percent(rate: object) -> str:
    return f"{rate:.1%}" if isinstance(rate, float) else ""
