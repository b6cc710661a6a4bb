"""`pilothouse evals online`: what became of the traffic that is scored while a server runs."""

import click

from pilothouse.cli.context import Context, as_json, pass_context, show_rows
from pilothouse.cli.filters import project_option
from pilothouse.cli.options import shown_time
from pilothouse.observe.money import usd
from pilothouse.types import Json

__all__ = ["online"]

_COLUMNS = (
    "rule", "share", "evaluators", "waiting", "scored", "failed", "skipped", "over_budget", "dropped", "spent today",
    "newest reason",
)  # fmt: skip


@click.group()
def online() -> None:
    """Traffic that is scored while a server runs."""


@online.command()
@project_option
@click.option("--days", type=click.IntRange(1, 90), default=7, show_default=True, help="Counts of so many days.")
@as_json
@pass_context
def status(context: Context, project: str, days: int, as_json: bool) -> None:
    """Each rule with its counts, the spend of its judges, and the newest reason for what made no score."""
    with context.looking() as platform:
        found = platform.scoring.states(project, days)
    rows = found if as_json else [_row(state) for state in found]
    show_rows(rows, _COLUMNS, as_json=as_json, empty="No rules: see evals.online in the configuration.")


def _row(state: Json) -> Json:
    reason = next(iter(state["reasons"]), None)
    told = "" if reason is None else f"{shown_time(reason['at_us'])} {reason['outcome']}: {reason['reason']}"
    names = [use.get("name") or use["use"] for use in state["evaluators"]]
    return {
        "rule": state["name"] if state["enabled"] else f"{state['name']} (off)",
        "share": f"{state['share']:.3g}",
        "evaluators": ", ".join(names),
        "waiting": state["waiting"],
        **state["counts"],
        "spent today": f"{usd(state['spent_nano'])} of {usd(state['budget_nano'])}",
        "newest reason": told,
    }
