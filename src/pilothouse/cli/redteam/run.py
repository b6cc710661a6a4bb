"""`pilothouse redteam run`: attacks played against a target, told, and held against a limit."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pilothouse.cli.context import Context, pass_context
from pilothouse.cli.evals.running import STOPPED, worked
from pilothouse.cli.filters import project_option
from pilothouse.cli.redteam.shown import compared, failing, gate_options, reported, say

if TYPE_CHECKING:
    from pilothouse.app import Platform
    from pilothouse.evals.runs.evaluate import Ended
    from pilothouse.redteam.ordering import Order

__all__ = ["finished", "run"]


@click.command()
@click.option(
    "--target",
    required=True,
    help="A model or alias, prompt:NAME@3, corpus:NAME, an address up to /v1, or python:MODULE:FUNCTION.",
)
@click.option("--model", help="The model of an address, or the one that answers a prompt.")
@click.option("--key-env", "key", metavar="NAME", help="The environment variable with the key of an address.")
@click.option("--variable", help="The variable of a prompt that attacks go into; without it they follow its messages.")
@click.option("--class", "classes", multiple=True, metavar="CLASS", help="Only this class of attacks; may be repeated.")
@click.option(
    "--mutator",
    "mutators",
    multiple=True,
    metavar="NAME",
    help="Only this mutator, none for none, or several as de+base64; may be repeated.",
)
@click.option("--limit", type=click.IntRange(1), help="At most so many attacks, evenly from classes and mutators.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another number gives other words and secrets.")
@click.option("--canary", nargs=2, metavar="BEGIN END", help="A text that the model may have learnt: is it recited?")
@click.option("--no-harmless", is_flag=True, help="Leave out the harmless requests, which should be answered.")
@click.option("--trials", type=click.IntRange(1, 100), default=1, show_default=True, help="Tries of each attack.")
@click.option("--concurrency", type=click.IntRange(1, 256), default=8, show_default=True, help="Attacks at once.")
@click.option("--max-cost", type=click.FloatRange(0, min_open=True), help="USD that it may cost at most.")
@click.option("--max-tokens", type=click.IntRange(0), default=800, show_default=True, help="Of an answer; 0: no bound.")
@click.option("--name", help="The run's name.")
@click.option("--dry-run", is_flag=True, help="Say how many attacks of each class would be played. Nothing is asked.")
@click.option("--json", "form", flag_value="json", default="text", help="Print JSON.")
@click.option("--html", type=click.Path(path_type=Path), help="Write the report here as a page, too.")
@gate_options
@project_option
@pass_context
def run(
    context: Context, /, project: str, *, name: str | None, dry_run: bool, form: str, html: Path | None,
    max_success: float | None, gate_classes: tuple[str, ...], baseline: str | None, max_worse: float, **asked: Any,
) -> int:  # fmt: skip
    """Play attacks against a target and tell how often they succeed.

    The goals harm nobody: two words that are joined, a code that is told, a tool that only records. Whether one is
    reached is judged by exact rules. Exit code 1 says that the run did not end or that a limit does not hold, 130 that
    it was interrupted, or its money spent, and can be resumed.
    """
    from pilothouse.evals.runs.origin import origin  # noqa: PLC0415 - the room is heavy, and not for --help
    from pilothouse.redteam.ordering import begin, check, plan, release  # noqa: PLC0415
    from pilothouse.storage.evaluating.eval_runs import EvalRuns  # noqa: PLC0415

    order = _order(asked)
    if dry_run:
        taken, left_out = plan(order)
        counts: dict[str, int] = {}
        for one in taken:
            counts[one.attack_class] = counts.get(one.attack_class, 0) + 1
        for what, count in counts.items():
            click.echo(f"{what}: {count}")
        click.echo(f"{len(taken) * order.trials} conversations; {left_out} attacks mean nothing to this target.")
        return 0
    with context.platform() as platform:
        before = None if baseline is None else EvalRuns(platform.store).get(project, baseline)

        async def whole() -> "Ended":
            await check(platform, project, order)
            rooms, made, prepared = await begin(platform, project, order, name=name, metadata=origin(Path.cwd()))
            try:
                return await worked(rooms, project, made, prepared)
            finally:
                await release(rooms)

        ended = platform.run(whole())
        code, report = finished(platform, project, ended)
        comparison = None if before is None or code else compared(platform, project, before, ended.run)
    say(report, comparison, form, None)
    if html is not None:
        say(report, comparison, "html", html)
    wrong = failing(report, comparison, max_success, gate_classes, max_worse) if not code else []
    for sentence in wrong:
        click.echo(f"Failed: {sentence}", err=True)
    return 1 if wrong else code


def finished(platform: "Platform", project: str, ended: "Ended") -> tuple[int, Any]:
    """The exit code of a run that has ended, before any limit, and its report."""
    report = reported(platform, project, ended.run)
    if ended.run.status == "stopped":
        click.echo(f"{ended.run.error} Go on with: pilothouse redteam resume {ended.run.id}", err=True)
        return STOPPED, report
    if ended.run.status != "done":
        click.echo(f"The run is {ended.run.status}: {ended.run.error}", err=True)
        return 1, report
    if not report.total.n:
        click.echo("No attack could be played.", err=True)
        return 1, report
    return 0, report


def _order(asked: dict[str, Any]) -> "Order":
    from pilothouse.redteam.building import Choice  # noqa: PLC0415 - not for --help
    from pilothouse.redteam.ordering import Order  # noqa: PLC0415

    if (key := asked["key"]) is not None and not os.environ.get(key):
        raise click.BadParameter(f"the environment variable {key} is not set", param_hint="--key-env")
    choice = Choice(
        classes=asked["classes"], mutators=asked["mutators"], seed=asked["seed"], limit=asked["limit"],
        canary=asked["canary"] or None, harmless=not asked["no_harmless"],
    )  # fmt: skip
    return Order(
        target=asked["target"], model=asked["model"], key=key, variable=asked["variable"], choice=choice,
        trials=asked["trials"], concurrency=asked["concurrency"], max_cost_usd=asked["max_cost"],
        max_tokens=asked["max_tokens"],
    )  # fmt: skip
