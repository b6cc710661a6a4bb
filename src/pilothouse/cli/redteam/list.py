"""`pilothouse redteam list`: the runs there are."""

import click

from pilothouse.cli.context import Context, as_json, pass_context, show_rows
from pilothouse.cli.filters import project_option

__all__ = ["list"]


@click.command(name="list")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@project_option
@as_json
@pass_context
def list(context: Context, limit: int, project: str, as_json: bool) -> None:
    """The runs there are, the newest first."""
    from pilothouse.redteam.ordering import redteam_runs  # noqa: PLC0415 - not for --help
    from pilothouse.redteam.report import row_of  # noqa: PLC0415
    from pilothouse.storage.evaluating.eval_runs import EvalRuns  # noqa: PLC0415

    with context.looking() as platform:
        found = redteam_runs(EvalRuns(platform.store), project, limit)
    rows = [row_of(run) for run in found]
    if not as_json:
        rows = [{**row, "succeed": "" if row["succeed"] is None else f"{row['succeed']:.1%}"} for row in rows]
    columns = ("id", "name", "target", "status", "attacks", "succeed", "created")
    show_rows(rows, columns, as_json=as_json, empty="No runs yet. Play one: pilothouse redteam run --target MODEL")
