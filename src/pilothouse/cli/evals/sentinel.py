"""`pilothouse evals sentinel`: golden calls made now, where each deployment stands, and a new baseline."""

import click

from pilothouse.cli.context import Context, as_json, pass_context, show_rows
from pilothouse.cli.filters import project_option
from pilothouse.cli.options import me, shown_time
from pilothouse.observe.money import usd
from pilothouse.types import Json

__all__ = ["sentinel"]

_COLUMNS = ("deployment", "status", "runs", "evidence", "last run", "what differs")


@click.group()
def sentinel() -> None:
    """Golden calls to every deployment: whether a vendor changed something in silence."""


@sentinel.command()
@click.option("--deployment", help="This one alone.")
@as_json
@pass_context
def run(context: Context, deployment: str | None, as_json: bool) -> None:
    """Ask now, whatever the schedule says. Exit code 1 when a deployment has changed or could not be asked."""
    with context.platform() as platform:
        ran = platform.run(platform.sentinel.work.tick(now=True, only=deployment))
    rows: list[Json] = [
        {
            "deployment": one.deployment, "status": one.status, "runs": one.runs,
            "evidence": one.evidence if as_json else f"{one.evidence:,.3g}", "error": one.error,
        }
        for one in ran
    ]  # fmt: skip
    show_rows(rows, ("deployment", "status", "runs", "evidence", "error"), as_json=as_json, empty="Nobody to ask.")
    if any(one.error or one.status == "changed" for one in ran):
        raise click.exceptions.Exit(1)


@sentinel.command()
@project_option
@as_json
@pass_context
def status(context: Context, project: str, as_json: bool) -> None:
    """Where each deployment stands, and what differs where one has changed."""
    with context.looking() as platform:
        shown = platform.sentinel.standing.shown(project)
    rows = shown["deployments"] if as_json else [_row(one, shown) for one in shown["deployments"]]
    empty = "No sentinel in this project: see evals.sentinel in the configuration."
    show_rows(rows, _COLUMNS, as_json=as_json, empty=empty)
    if rows and not as_json:
        click.echo(f"Spent today: {usd(shown['spent_nano'])} of {usd(shown['budget_nano'])}.")


@sentinel.command()
@click.argument("deployment")
@project_option
@pass_context
def accept(context: Context, deployment: str, project: str) -> None:
    """Take what DEPLOYMENT answers now for usual: its alert ends, and a new baseline begins."""
    with context.looking() as platform:
        state = platform.sentinel.standing.accept(me(), project, deployment)
    click.echo(f"The runs of {deployment} since {shown_time(state.since_us)} UTC begin a new baseline.")


def _row(one: Json, shown: Json) -> Json:
    learning = f"learning, {one['to_learn']} runs to go" if one["to_learn"] else one["status"]
    return {
        "deployment": one["deployment"],
        "status": one["status"] if one["status"] == "changed" else learning,
        "runs": one["runs"],
        "evidence": f"{one['evidence']:,.3g} of {shown['false_alarms']:,}",
        "last run": shown_time(one["run_us"]) if one["run_us"] else "",
        "what differs": one["says"] or one["error"] or "",
    }
