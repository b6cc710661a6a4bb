"""`pilothouse evals report`: a run that is kept, as people, pull requests or programs read it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pilothouse.cli.context import Context, in_json, pass_context, plain
from pilothouse.cli.evals.gating import enforce, fail_on, objections_of
from pilothouse.cli.filters import project_option

if TYPE_CHECKING:
    from pilothouse.evals.reports.gates import Gate

__all__ = ["report", "written"]


@click.command()
@click.argument("run")
@project_option
@click.option(
    "--format", "form", type=click.Choice(["text", "markdown", "junit", "json"]), default="text", show_default=True
)
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
@click.option("--baseline", metavar="RUN", help="Compare with this run: an id, a name, or branch:main.")
@click.option("--slice", "slices", multiple=True, metavar="KEY", help="Cut cases by this, as metadata.topic.")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="A file, in place of the standard output.")
@fail_on
@pass_context
def report(
    context: Context, run: str, project: str, form: str, baseline: str | None, slices: tuple[str, ...],
    output: Path | None, gates: "list[Gate]",
) -> None:  # fmt: skip
    """Tell what a RUN (its id, or a name for its newest) showed. The gates of its suite are told; --fail-on decides on
    the exit code."""
    from pilothouse.cli.evals.shown import shown_told  # noqa: PLC0415 - numpy, and not for --help
    from pilothouse.evals.reports.junit import junit  # noqa: PLC0415
    from pilothouse.evals.reports.markdown import markdown  # noqa: PLC0415
    from pilothouse.evals.reports.runs import RunReports, find_baseline, planned  # noqa: PLC0415
    from pilothouse.storage.evaluating.eval_runs import EvalRuns  # noqa: PLC0415

    with context.looking() as platform:
        runs = EvalRuns(platform.store)
        found = runs.get(project, run)
        base = find_baseline(runs, project, baseline, suite=found.suite, before=found) if baseline else None
        told = RunReports(runs, objections_of(platform)).told(
            project, found, baseline=base, gates=[*planned(found, "gates"), *gates], slices=slices or None
        )
        if form == "junit":
            text = junit(told, runs.each(project, found.id))
        elif form == "markdown":
            text = markdown(told)
        else:
            text = in_json(told.to_json()) if form == "json" else "\n".join(map(plain, shown_told(told)))
    written(text, output)
    enforce(told.gates[len(told.gates) - len(gates) :])


def written(text: str, output: Path | None) -> None:
    """To the file, or to the standard output."""
    if output is None:
        click.echo(text.rstrip("\n"))
    else:
        output.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
