"""`pilothouse redteam report`: what a run showed."""

from pathlib import Path

import click

from pilothouse.cli.context import Context, pass_context
from pilothouse.cli.filters import project_option
from pilothouse.cli.redteam.shown import compared, failing, gate_options, reported, say

__all__ = ["report"]


@click.command()
@click.argument("run")
@click.option("--format", "form", type=click.Choice(["text", "json", "html"]), default="text", show_default=True)
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="A file, in place of the standard output.")
@gate_options
@project_option
@pass_context
def report(
    context: Context, run: str, form: str, output: Path | None, max_success: float | None,
    gate_classes: tuple[str, ...], baseline: str | None, max_worse: float, project: str,
) -> int:  # fmt: skip
    """Tell what a RUN (its id, or a name for its newest) showed; with --baseline also what changed since that run."""
    from pilothouse.storage.evaluating.eval_runs import EvalRuns  # noqa: PLC0415

    with context.looking() as platform:
        runs = EvalRuns(platform.store)
        found = runs.get(project, run)
        told = reported(platform, project, found)
        comparison = None if baseline is None else compared(platform, project, runs.get(project, baseline), found)
    say(told, comparison, form, output)
    wrong = failing(told, comparison, max_success, gate_classes, max_worse)
    for sentence in wrong:
        click.echo(f"Failed: {sentence}", err=True)
    return 1 if wrong else 0
