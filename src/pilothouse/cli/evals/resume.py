"""`pilothouse evals resume`: a run goes on where it stood."""

import click

from pilothouse.cli.context import Context, as_json, pass_context
from pilothouse.cli.evals.running import STOPPED, say_ended, worked
from pilothouse.cli.filters import project_option

__all__ = ["resume"]


@click.command()
@click.argument("run")
@click.option(
    "--max-cost", type=float, help="USD that the whole run may cost at most, in place of what its suite says."
)
@project_option
@as_json
@pass_context
def resume(context: Context, run: str, max_cost: float | None, project: str, as_json: bool) -> int:
    """Go on with RUN, an id or a name (the newest of it): what is done is kept, what was answered is not asked again.

    Exit codes are those of `pilothouse evals run`.
    """
    from pilothouse.evals.runs.prepare import prepare_again  # noqa: PLC0415 - the room is heavy, and not for --help
    from pilothouse.evals.runs.rooms import rooms_of  # noqa: PLC0415

    with context.platform() as platform:
        rooms = rooms_of(platform, project)
        found = rooms.runs.get(project, run)
        prepared = platform.run(prepare_again(rooms, project, found, max_cost_usd=max_cost))
        ended = worked(platform, project, found, prepared)
    say_ended(ended, as_json=as_json)
    if ended.run.status == "stopped":
        return STOPPED
    return 0 if ended.passed else 1
