"""`pilothouse evals compare`: two or more runs over the same cases, flips first."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pilothouse.cli.context import Context, in_json, pass_context, plain
from pilothouse.cli.evals.gating import enforce, fail_on, objections_of
from pilothouse.cli.evals.report import written
from pilothouse.cli.filters import project_option
from pilothouse.errors import PilothouseError

if TYPE_CHECKING:
    from pilothouse.evals.reports.gates import Gate

__all__ = ["compare"]


@click.command()
@click.argument("before")
@click.argument("after", nargs=-1, required=True)
@project_option
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True)
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
@click.option("--slice", "slices", multiple=True, metavar="KEY", help="Cut cases by this, as metadata.topic.")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="A file, in place of the standard output.")
@fail_on
@pass_context
def compare(
    context: Context, before: str, after: tuple[str, ...], project: str, form: str, slices: tuple[str, ...],
    output: Path | None, gates: "list[Gate]",
) -> None:  # fmt: skip
    """Compare runs with the run BEFORE: each AFTER case by case, corrected for all of them. A run is named by its id,
    by a name for its newest, or as branch:main."""
    from pilothouse.cli.evals.shown import shown_comparison, shown_gates  # noqa: PLC0415 - numpy, and not for --help
    from pilothouse.evals.reports.markdown import markdown  # noqa: PLC0415
    from pilothouse.evals.reports.runs import RunReports, find_baseline  # noqa: PLC0415
    from pilothouse.storage.evaluating.eval_runs import EvalRuns  # noqa: PLC0415

    with context.looking() as platform:
        runs = EvalRuns(platform.store)
        others = [runs.get(project, one) for one in after]
        base = find_baseline(runs, project, before, suite=others[0].suite, before=None)
        same = [one.name for one in others if one.id == base.id]
        if same:
            raise PilothouseError(f"'{before}' and '{same[0]}' are one run, {base.id}: nothing to compare.")
        told = RunReports(runs, objections_of(platform)).against(project, base, others, gates=gates, slices=slices)
    if form == "markdown":
        text = "\n".join(map(markdown, told))
    elif form == "json":
        text = in_json([one.to_json() for one in told])
    else:
        parts = []
        for one in told:
            assert one.comparison is not None
            assert one.baseline is not None
            parts.append("\n".join([*shown_comparison(one.comparison, one.baseline, one.run), *shown_gates(one)]))
        text = plain("\n\n".join(parts))
    written(text, output)
    enforce(gate for one in told for gate in one.gates)
