"""`pilothouse evals resume`: a run goes on where it stood."""

from typing import TYPE_CHECKING

import click

from pilothouse.cli.context import Context, as_json, pass_context
from pilothouse.cli.evals.running import code_of, worked
from pilothouse.cli.filters import project_option

if TYPE_CHECKING:
    from pilothouse.evals.runs.evaluate import Ended

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

        async def whole() -> "Ended":
            return await worked(
                rooms, project, found, await prepare_again(rooms, project, found, max_cost_usd=max_cost)
            )

        ended = platform.run(whole())
    return code_of(ended, as_json=as_json)
