"""`pilothouse diff`: two versions of a model, corpus, prompt or configuration on the same inputs, and what differs."""

import asyncio
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pilothouse.cli.context import Context, in_json, pass_context, plain
from pilothouse.cli.evals.gating import enforce, fail_on
from pilothouse.cli.evals.report import written
from pilothouse.cli.filters import filter_options, given_filters, project_option
from pilothouse.errors import ConfigError

if TYPE_CHECKING:
    from pilothouse.app import Platform
    from pilothouse.evals.reports.gates import Gate
    from pilothouse.evals.reports.told import Told
    from pilothouse.lifecycle.diff.diffing import Sided
    from pilothouse.lifecycle.diff.order import DiffOrder

__all__ = ["diff"]


@click.command()
@click.argument("before")
@click.argument("after")
@click.option("--dataset", metavar="NAME[@VERSION]", help="Compare on its cases, in place of recorded traffic.")
@click.option("--split", help="Only this split of the dataset.")
@click.option("--limit", type=click.IntRange(1, 10_000), help="So many cases at most; 100 of recorded traffic.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the sample of recorded traffic.")
@click.option("--ask", "asked", metavar="MODEL", help="Who answers where a side does not say.")
@click.option("--evaluator", "evaluators", multiple=True, help="Tells what a good answer is; may be repeated.")
@click.option(
    "--suite", type=click.Path(path_type=Path), help="Take evaluators, judge, gates and slices of this suite."
)
@click.option("--judge", metavar="MODEL", help="Who answers for evaluators that ask a judge.")
@click.option("--trials", type=click.IntRange(1, 1000), help="How often each case is asked.")
@click.option("--concurrency", type=click.IntRange(1, 256), help="Calls at once.")
@click.option("--rate", metavar="COUNT/UNIT", help="Calls that may begin, as 600/min.")
@click.option("--max-cost", type=float, default=5.0, show_default=True, help="USD that all of it may cost at most.")
@click.option("--slice", "slices", multiple=True, metavar="KEY", help="Cut cases by this, as metadata.topic.")
@click.option("--dry-run", is_flag=True, help="Check everything and estimate the cost. Nothing is asked.")
@click.option("--yes", is_flag=True, help="Do not ask before money is spent.")
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True)
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="A file, in place of the standard output.")
@filter_options
@fail_on
@project_option
@pass_context
def diff(context: Context, /, before: str, after: str, gates: "list[Gate]", project: str, **options: Any) -> None:
    """Ask BEFORE and AFTER the same and tell what differs: quality with intervals, flips, cost, latency, slices.

    Each is model:NAME, corpus:NAME, config:NUMBER, config:FILE, prompt:FILE, prompt:NAME@VERSION (of the registry) or
    recorded (what was answered then), or several joined by +. Without --dataset, recorded chats are asked again: those
    that the filters let through. What was answered before costs nothing again.
    """
    order = _ordered(before, after, gates, options)
    with context.platform() as platform:
        told = platform.run(_compared(platform, project, order, dry_run=options["dry_run"], yes=options["yes"]))
    if told is None:
        return
    written(_shown(told, options["form"]), options["output"])
    enforce(told.gates)


async def _compared(
    platform: "Platform", project: str, order: "DiffOrder", *, dry_run: bool, yes: bool
) -> "Told | None":
    from pilothouse.cli.evals.running import showing  # noqa: PLC0415 - the rooms are heavy, and not for --help
    from pilothouse.lifecycle.diff.diffing import Diff  # noqa: PLC0415

    async with Diff(platform, project, order) as made:
        sides = await made.prepare()
        for line in _estimated(sides):
            click.echo(plain(line), err=True)
        if dry_run:
            return None
        await asyncio.to_thread(_agree, sides, order, yes)
        with showing(order.name) as heard:
            return await made.run(heard, catch=True)


def _ordered(before: str, after: str, gates: "list[Gate]", options: dict[str, Any]) -> "DiffOrder":
    """The order of the options; those of a suite stand behind them."""
    from pilothouse.evals.runs.suite import read_suite  # noqa: PLC0415 - the rooms are heavy, and not for --help
    from pilothouse.lifecycle.diff.order import order_of  # noqa: PLC0415
    from pilothouse.lifecycle.diff.sides import parse_side  # noqa: PLC0415

    suite = read_suite(options["suite"]).suite.to_json() if options["suite"] is not None else {}
    kept = (
        "evaluators",
        "judge",
        "judge_agreement",
        "trials",
        "concurrency",
        "rate",
        "slices",
        "gates",
        "answer_tokens",
    )
    order: dict[str, Any] = {name: suite[name] for name in kept if name in suite}
    for name in ("judge", "trials", "concurrency", "rate", "dataset", "split"):
        if options[name] is not None:
            order[name] = options[name]
    if options["evaluators"]:
        order["evaluators"] = list(options["evaluators"])
    if not order.get("evaluators"):
        raise click.UsageError(
            "Say what tells a good answer, with --evaluator NAME or --suite FILE; `pilothouse evals evaluators` lists "
            "those there are."
        )
    order["slices"] = [*order.get("slices", ()), *options["slices"]]
    order["gates"] = [*order.get("gates", ()), *(gate.text for gate in gates)]
    given = _filters(options)
    if options["dataset"] is None:
        order["recorded"] = {"filters": given, "limit": options["limit"] or 100, "seed": options["seed"]}
    elif given:
        raise click.UsageError(f"--dataset, or recorded traffic with --{min(given)}: not both.")
    else:
        order["limit"] = options["limit"]
    sides = {"before": parse_side(before), "after": parse_side(after)}
    return order_of({**order, **sides, "model": options["asked"], "max_cost_usd": Decimal(str(options["max_cost"]))})


def _filters(options: dict[str, Any]) -> dict[str, Any]:
    from pilothouse.observe import Filters  # noqa: PLC0415 - the room is heavy, and not for --help

    names = {"since", "slower", "dearer", "score", *Filters.__dataclass_fields__}
    found = given_filters(**{name: value for name, value in options.items() if name in names})
    return {name: value for name in Filters.__dataclass_fields__ if (value := getattr(found, name)) is not None}


def _estimated(sides: "tuple[Sided, Sided]") -> list[str]:
    """What it may cost, and what it can show for that."""
    from pilothouse.lifecycle.diff.asking import BESIDE  # noqa: PLC0415 - the room is heavy, and not for --help

    lines = []
    for side in sides:
        for part in side.estimate.parts:
            cost = "unknown" if part.nano is None else f"${part.nano / 1e9:.4f}"
            name = part.name.removeprefix(BESIDE)
            lines.append(f"{side.side.told}: {name}: {part.calls} calls, {part.kept} kept, {cost} ({part.why})")
    return [*lines, *(one.sentence for one in sides[1].estimate.foreseen)]


def _agree(sides: "tuple[Sided, Sided]", order: "DiffOrder", yes: bool) -> None:
    """Refuse what surely costs too much, and ask where somebody is there to answer. Raises ConfigError."""
    known = [side.estimate.nano for side in sides]
    nano = None if None in known else sum(one or 0 for one in known)
    cap = order.max_cost_usd
    if nano is not None and nano > cap * 10**9:
        raise ConfigError(f"It may cost about ${nano / 1e9:.4f}, and the cap is ${cap}: raise it with --max-cost.")
    if nano == 0 or yes:
        return
    cost = "an amount that is not known" if nano is None else f"about ${nano / 1e9:.4f}"
    calls = sum(part.calls for side in sides for part in side.estimate.parts)
    question = f"At least {calls} calls, {cost}, ${cap} at most. Go on?"
    if not sys.stdin.isatty():
        raise ConfigError(f"{question} Nobody is there to answer: say --yes, or --dry-run to see more.")
    click.confirm(question, abort=True)


def _shown(told: "Told", form: str) -> str:
    from pilothouse.cli.evals.shown import shown_told  # noqa: PLC0415 - numpy, and not for --help
    from pilothouse.evals.reports.markdown import markdown  # noqa: PLC0415

    if form == "markdown":
        return markdown(told)
    return in_json(told.to_json()) if form == "json" else "\n".join(map(plain, shown_told(told)))
