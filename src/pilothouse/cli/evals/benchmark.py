"""`pilothouse evals benchmark`: a standard benchmark from a file, put to a model."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from pilothouse.cli.context import Context, as_json, pass_context
from pilothouse.cli.evals.estimated import agree, say_estimate
from pilothouse.cli.evals.gating import fail_on
from pilothouse.cli.evals.running import code_of, say_reports, worked
from pilothouse.cli.filters import project_option
from pilothouse.types import Json

if TYPE_CHECKING:
    from pilothouse.evals.reports.gates import Gate
    from pilothouse.evals.runs.evaluate import Ended

__all__ = ["benchmark"]

_LAYOUTS = ("mmlu", "arc", "hellaswag", "truthfulqa", "gsm8k", "squad", "table")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class _Param(click.ParamType[tuple[str, Any]]):
    """`name=value`, the value being JSON, or else a text."""

    name = "name=json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Any]:
        if isinstance(value, tuple):
            return value
        name, equals, text = str(value).partition("=")
        if not equals or not name:
            self.fail(f"'{value}' is no pair: write it as max_tokens=64.", param, ctx)
        try:
            return name, msgspec.json.decode(text)
        except msgspec.DecodeError:
            return name, text


@click.command()
@click.argument("file", type=_FILE)
@click.option("--format", "layout", type=click.Choice(_LAYOUTS), required=True, help="How the file is written.")
@click.option("--model", required=True, help="Who answers: an alias, provider/model, or rag:corpus.")
@click.option("--shots", type=click.IntRange(0, 100), default=0, help="Examples before each question.")
@click.option("--shots-from", "examples", type=_FILE, help="The file to take them from; else the questions' own.")
@click.option("--limit", type=click.IntRange(1), help="Only so many questions, drawn by the seed.")
@click.option("--seed", type=int, default=0, show_default=True, help="Draws examples and questions.")
@click.option("--param", "params", type=_Param(), multiple=True, help="A field of each request; temperature=0 else.")
@click.option("--name", help="The run's name; the benchmark's and the model's unless given.")
@click.option("--trials", type=click.IntRange(1, 1000), help="How often each question is asked.")
@click.option("--concurrency", type=click.IntRange(1, 256), help="Calls at once.")
@click.option("--rate", help="Calls that may begin, as 600/min.")
@click.option("--max-cost", "max_cost_usd", type=float, help="USD that it may cost at most.")
@click.option("--baseline", help="The run to compare with: its name or id.")
@click.option("--dry-run", is_flag=True, help="Check everything and estimate the cost. Nothing is asked.")
@click.option("--yes", is_flag=True, help="Do not ask before money is spent.")
@click.option("--markdown", type=click.Path(path_type=Path), help="Write the report here, for a pull request.")
@fail_on
@project_option
@as_json
@pass_context
def benchmark(
    context: Context, /, file: Path, layout: str, model: str, shots: int, examples: Path | None, limit: int | None,
    seed: int, params: tuple[tuple[str, Any], ...], name: str | None, dry_run: bool, yes: bool, markdown: Path | None,
    gates: "list[Gate]", project: str, as_json: bool, **keys: Any,
) -> int:  # fmt: skip
    """Put the questions in FILE to a model, and score the answers.

    Choices are asked for by their letter, numbers after a solution, texts in few words. Answers that were paid for
    before are used again. Exit code 1 says that it did not end or that a gate failed, 130 that it was interrupted.
    """
    from pilothouse.evals.benchmarks.suite import Benchmark  # noqa: PLC0415 - the room is heavy, and not for --help
    from pilothouse.evals.runs.book import folder  # noqa: PLC0415
    from pilothouse.evals.runs.estimate import estimate  # noqa: PLC0415
    from pilothouse.evals.runs.prepare import check_baseline, created, prepare  # noqa: PLC0415
    from pilothouse.evals.runs.rooms import rooms_of  # noqa: PLC0415

    made = Benchmark(
        file=file, layout=layout, model=model, shots=shots, examples=examples, limit=limit, seed=seed,
        params=_params(params),
    )  # fmt: skip
    with context.platform() as platform:
        rooms = rooms_of(platform, project)
        written = made.written(folder(rooms.home) / "benchmarks", gates=[gate.text for gate in gates], **keys)

        async def whole() -> "Ended | None":
            prepared = await prepare(rooms, project, written)
            called = name or f"{written.suite.suite} {model}"[:256]
            check_baseline(prepared, called, {})
            told = await estimate(rooms, project, prepared)
            if dry_run:
                say_estimate(told, as_json=as_json)
                return None
            agree(told, yes=yes)
            run = created(rooms.runs, project, prepared, called, {})
            return await worked(rooms, project, run, prepared)

        ended = platform.run(whole())
        if ended is None:
            return 0
        say_reports(ended, rooms.runs, project, markdown, None)
    return code_of(ended, as_json=as_json)


def _params(given: tuple[tuple[str, Any], ...]) -> Json:
    """Those of each request; `temperature=null` leaves it out."""
    return {name: value for name, value in {"temperature": 0, **dict(given)}.items() if value is not None}
