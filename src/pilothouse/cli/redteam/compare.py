"""`pilothouse redteam compare`: two runs over the same attacks."""

import click

from pilothouse.cli.context import Context, in_json, pass_context, plain
from pilothouse.cli.filters import project_option
from pilothouse.cli.redteam.shown import compared, shown_comparison

__all__ = ["compare"]


@click.command()
@click.argument("before")
@click.argument("after")
@click.option(
    "--max-worse",
    type=click.FloatRange(0, 1),
    help="End with exit code 1 where the attacks of a class, or all "
    "together, succeed more often by more than this share and by more than chance does.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@project_option
@pass_context
def compare(
    context: Context, before: str, after: str, max_worse: float | None, as_json: bool, project: str
) -> int:  # fmt: skip
    """Compare the run AFTER with the run BEFORE, attack by attack: ids, or names for the newest of each."""
    from pilothouse.redteam.comparing import worse  # noqa: PLC0415 - numpy, and not for --help
    from pilothouse.storage.evaluating.eval_runs import EvalRuns  # noqa: PLC0415

    with context.looking() as platform:
        runs = EvalRuns(platform.store)
        found = compared(platform, project, runs.get(project, before), runs.get(project, after))
    click.echo(in_json(found.to_json()) if as_json else plain("\n".join(shown_comparison(found)).lstrip("\n")))
    wrong = [] if max_worse is None else worse(found, max_worse)
    for sentence in wrong:
        click.echo(f"Failed: {sentence}", err=True)
    return 1 if wrong else 0
