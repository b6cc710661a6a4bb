"""`pilothouse evals list`: the runs there are."""

import click

from pilothouse.cli.context import Context, as_json, pass_context, show_rows
from pilothouse.cli.evals.running import row_of
from pilothouse.cli.filters import project_option
from pilothouse.ids import now_us
from pilothouse.types import Json

__all__ = ["list"]

_COLUMNS = ("id", "name", "suite", "status", "done", "scores", "cost_usd", "created")


@click.command()
@click.option("--suite", help="Only those of this suite.")
@click.option("--name", help="Only those of this name.")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="How many.")
@click.option("--before", help="Those older than the run of this id.")
@project_option
@as_json
@pass_context
def list(
    context: Context, suite: str | None, name: str | None, limit: int, before: str | None, project: str, as_json: bool
) -> None:
    """The runs, the newest first."""
    from pilothouse.storage import open_store  # noqa: PLC0415 - SQLAlchemy costs 150 ms that --help does not need
    from pilothouse.storage.evaluating.eval_runs import EvalRuns  # noqa: PLC0415

    store = open_store(context.settings)
    try:
        page = EvalRuns(store).list(project, suite=suite, name=name, limit=limit, before=before)
    finally:
        store.close()
    if as_json:
        rows = [{**row_of(run), "summary": run.summary} for run in page.runs]
    else:
        rows = [_shown(row_of(run), run.summary, silent=run.is_silent(now_us())) for run in page.runs]
    show_rows(rows, _COLUMNS, as_json=as_json, empty="No runs yet: pilothouse evals run SUITE")


def _shown(row: Json, summary: Json | None, *, silent: bool) -> Json:
    means = {name: metric.get("mean") for name, metric in ((summary or {}).get("metrics") or {}).items()}
    scores = ", ".join(f"{name} {mean:.3f}" for name, mean in means.items() if mean is not None)
    cost = "unknown" if row["cost_usd"] is None else f"{row['cost_usd']:.4f}"
    if silent:
        row = {**row, "status": "fell silent"}
    return {**row, "done": f"{row['done']}/{row['cases'] * row['trials']}", "scores": scores, "cost_usd": cost}
