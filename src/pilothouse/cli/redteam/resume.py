"""`pilothouse redteam resume`: a run goes on where it stood."""

from typing import TYPE_CHECKING

import click

from pilothouse.cli.context import Context, pass_context
from pilothouse.cli.evals.running import worked
from pilothouse.cli.filters import project_option
from pilothouse.cli.redteam.run import finished
from pilothouse.cli.redteam.shown import say

if TYPE_CHECKING:
    from pilothouse.evals.runs.evaluate import Ended

__all__ = ["resume"]


@click.command()
@click.argument("run")
@click.option("--max-cost", type=click.FloatRange(0, min_open=True), help="USD that the whole run may cost at most.")
@click.option("--json", "form", flag_value="json", default="text", help="Print JSON.")
@project_option
@pass_context
def resume(context: Context, run: str, max_cost: float | None, form: str, project: str) -> int:
    """Go on with RUN, an id or a name (the newest of it): what was played is kept. Refused where the guards are others
    by now: that is a new run, to be compared with this one."""
    from pilothouse.redteam.ordering import again, release  # noqa: PLC0415 - the room is heavy, and not for --help
    from pilothouse.storage.evaluating.eval_runs import EvalRuns  # noqa: PLC0415

    with context.platform() as platform:
        found = EvalRuns(platform.store).get(project, run)

        async def whole() -> "Ended":
            rooms, prepared = await again(platform, project, found, max_cost_usd=max_cost)
            try:
                return await worked(rooms, project, found, prepared)
            finally:
                await release(rooms)

        code, report = finished(platform, project, platform.run(whole()))
    say(report, None, form, None)
    return code
