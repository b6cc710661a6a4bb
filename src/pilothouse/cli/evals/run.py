"""`pilothouse evals run`: a suite from a file, estimated, run, and held against its gates."""

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pilothouse.cli.context import Context, as_json, pass_context
from pilothouse.cli.evals.estimated import agree, say_estimate
from pilothouse.cli.evals.gating import fail_on
from pilothouse.cli.evals.running import code_of, say_reports, worked
from pilothouse.cli.filters import project_option

if TYPE_CHECKING:
    from pilothouse.evals.reports.gates import Gate
    from pilothouse.evals.runs.evaluate import Ended
    from pilothouse.evals.runs.suite import Written

__all__ = ["run"]


class _Pair(click.ParamType[tuple[str, str]]):
    """`name=value`."""

    name = "name=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, equals, text = str(value).partition("=")
        if not equals or not name:
            self.fail(f"'{value}' is no pair: write it as branch=main.", param, ctx)
        return name, text


@click.command()
@click.argument("suite", type=click.Path(path_type=Path))
@click.option("--name", help="The run's name; the suite's unless given. Another run is compared with it by this.")
@click.option("--trials", type=click.IntRange(1, 1000), help="How often each case is run.")
@click.option("--limit", type=click.IntRange(1), help="Only the first so many cases.")
@click.option("--concurrency", type=click.IntRange(1, 256), help="Calls at once.")
@click.option("--max-cost", type=float, help="USD that it may cost at most.")
@click.option("--baseline", help="The run to compare with: its name or id.")
@click.option("--metadata", type=_Pair(), multiple=True, help="name=value, kept with the run; may be repeated.")
@click.option("--fresh", is_flag=True, help="Use no kept answer of another run.")
@click.option("--dry-run", is_flag=True, help="Check everything and estimate the cost. Nothing is asked.")
@click.option("--yes", is_flag=True, help="Do not ask before money is spent.")
@click.option("--markdown", type=click.Path(path_type=Path), help="Write the report here, for a pull request.")
@click.option("--junit", type=click.Path(path_type=Path), help="Write JUnit XML here.")
@fail_on
@project_option
@as_json
@pass_context
def run(
    context: Context, /, suite: Path, name: str | None, metadata: tuple[tuple[str, str], ...], fresh: bool,
    dry_run: bool, yes: bool, markdown: Path | None, junit: Path | None, gates: "list[Gate]", project: str,
    as_json: bool, **changes: Any,
) -> int:  # fmt: skip
    """Run the suite in the file SUITE.

    Answers that were paid for before are used again: a second run costs only what changed. Exit code 1 says that it
    did not end or that a gate failed, 130 that it was interrupted, or its money spent, and can
    be resumed.
    """
    from pilothouse.evals.runs.estimate import estimate  # noqa: PLC0415 - the room is heavy, and not for --help
    from pilothouse.evals.runs.origin import origin  # noqa: PLC0415
    from pilothouse.evals.runs.prepare import check_baseline, created, prepare  # noqa: PLC0415
    from pilothouse.evals.runs.rooms import rooms_of  # noqa: PLC0415
    from pilothouse.evals.runs.suite import read_suite  # noqa: PLC0415

    written = _changed(read_suite(suite), changes, gates)
    with context.platform() as platform:
        rooms = rooms_of(platform, project)

        async def whole() -> "Ended | None":
            prepared = await prepare(rooms, project, written, fresh=fresh)
            about = {**origin(suite.parent), **dict(metadata)}
            check_baseline(prepared, name, about)
            told = await estimate(rooms, project, prepared)
            if dry_run:
                say_estimate(told, as_json=as_json)
                return None
            agree(told, yes=yes)
            made = created(rooms.runs, project, prepared, name, about)
            return await worked(rooms, project, made, prepared)

        ended = platform.run(whole())
        if ended is None:
            return 0
        say_reports(ended, rooms.runs, project, markdown, junit)
    return code_of(ended, as_json=as_json)


def _changed(written: "Written", changes: dict[str, Any], gates: "list[Gate]") -> "Written":
    """The suite with what the options say in place of its own."""
    from dataclasses import replace  # noqa: PLC0415

    if (most := changes.pop("max_cost")) is not None:
        changes["max_cost_usd"] = Decimal(str(most))
    stated = {field: value for field, value in changes.items() if value is not None}
    stated["gates"] = [*written.suite.gates, *(gate.text for gate in gates)]
    return replace(written, suite=written.suite.model_copy(update=stated))
