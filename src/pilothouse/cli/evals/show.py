"""`pilothouse evals show`: the figures of a run, and what it found of each case."""

from typing import TYPE_CHECKING, Any

import click
import msgspec

from pilothouse.cli.context import Context, as_json, in_json, pass_context, show_rows
from pilothouse.cli.evals.running import row_of, say_ended
from pilothouse.cli.filters import project_option

if TYPE_CHECKING:
    from pilothouse.cases import Outcome

__all__ = ["show"]

_SHORT = 60


@click.command()
@click.argument("run")
@click.option("--cases", is_flag=True, help="List what it found of each case, too.")
@click.option(
    "--failing", is_flag=True, help="Of these only those that failed, or of which something could not be told."
)
@click.option("--evaluator", help="Only what this evaluator says.")
@click.option("--after", help="Go on after this mark, the `next` of the page before.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="How many cases.")
@project_option
@as_json
@pass_context
def show(
    context: Context, run: str, cases: bool, failing: bool, evaluator: str | None, after: str | None, limit: int,
    project: str, as_json: bool,
) -> None:  # fmt: skip
    """The figures of RUN, an id or a name (the newest of it)."""
    from pilothouse.evals.reports.runs import RunReports  # noqa: PLC0415 - the room is heavy, and not for --help
    from pilothouse.evals.runs.evaluate import Ended  # noqa: PLC0415
    from pilothouse.storage import open_store  # noqa: PLC0415
    from pilothouse.storage.evaluating.eval_runs import EvalRuns  # noqa: PLC0415

    store = open_store(context.settings)
    try:
        runs = EvalRuns(store)
        found = runs.get(project, run)
        listing = cases or failing or evaluator is not None
        page = runs.outcomes(project, found.id, after, limit, evaluator, failing) if listing else None
        if page is None:
            say_ended(Ended(found, RunReports(runs).told(project, found)), as_json=as_json)
    finally:
        store.close()
    if page is not None and as_json:
        told = {**row_of(found), "outcomes": msgspec.to_builtins(page.outcomes), "next": page.next}
        click.echo(in_json(told))
    elif page is not None:
        rows = [row for outcome in page.outcomes for row in _rows(outcome, evaluator)]
        show_rows(rows, ("case", "trial", "evaluator", "status", "score", "passed", "output", "why"),
                  as_json=False, empty="There are none.")  # fmt: skip
        if page.next is not None:
            click.echo(f"More with: --after {page.next}", err=True)


def _rows(outcome: "Outcome", evaluator: str | None) -> list[dict[str, Any]]:
    head = {"case": outcome.case.id, "trial": outcome.trial + 1, "output": _short(outcome.case.output)}
    if outcome.error is not None:
        return [{**head, "evaluator": "(task)", "status": "error", "why": outcome.error}]
    return [
        {
            **head, "evaluator": verdict.evaluator, "status": verdict.status, "passed": verdict.passed,
            "score": None if verdict.score is None else f"{verdict.score:.3f}", "why": _short(verdict.explanation),
        }
        for verdict in outcome.verdicts
        if evaluator is None or verdict.evaluator == evaluator
    ]  # fmt: skip


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHORT else line[: _SHORT - 3] + "..."
