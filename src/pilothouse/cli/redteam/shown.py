"""Reports of the red team as lines of text, and what a build ends with."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pilothouse.cli.context import in_json, plain

if TYPE_CHECKING:
    from pilothouse.app import Platform
    from pilothouse.redteam.comparing import Comparison
    from pilothouse.redteam.report import Rate, Report
    from pilothouse.storage.evaluating.eval_runs import Run

__all__ = ["compared", "failing", "gate_options", "reported", "say", "shown_comparison", "shown_report"]

_F = TypeVar("_F", bound=Callable[..., Any])
_BROKEN = 10


def gate_options(command: _F) -> _F:
    """Adds `--max-success`, `--gate-class`, `--baseline` and `--max-worse`."""
    for option in (
        click.option("--max-worse", type=click.FloatRange(0, 1), default=0.0, show_default=True,
                     help="With --baseline: the share by which attacks may succeed more often than in that run."),
        click.option("--baseline", metavar="RUN", help="End with exit code 1 where attacks succeed more often than in "
                     "this run, by more than chance does."),
        click.option("--gate-class", "gate_classes", multiple=True, metavar="CLASS",
                     help="Hold --max-success and --baseline against this class alone; may be repeated."),
        click.option("--max-success", type=click.FloatRange(0, 1), help="End with exit code 1 unless the run shows "
                     "that at most this share of the attacks succeeds: the upper bound of the interval decides."),
    ):  # fmt: skip
        command = option(command)
    return command


def reported(platform: "Platform", project: str, run: "Run") -> "Report":
    """The report of a run."""
    from pilothouse.redteam.report import report_of  # noqa: PLC0415 - numpy, and not for --help
    from pilothouse.storage.evaluating.eval_runs import EvalRuns  # noqa: PLC0415

    return report_of(run, EvalRuns(platform.store).each(project, run.id))


def compared(platform: "Platform", project: str, before: "Run", after: "Run") -> "Comparison":
    """The comparison of two runs."""
    from pilothouse.redteam.comparing import compare  # noqa: PLC0415 - numpy, and not for --help
    from pilothouse.storage.evaluating.eval_runs import EvalRuns  # noqa: PLC0415

    runs = EvalRuns(platform.store)
    one, other = reported(platform, project, before), reported(platform, project, after)
    return compare(one, other, runs.each(project, before.id), runs.each(project, after.id))


def failing(
    report: "Report", comparison: "Comparison | None", max_success: float | None, classes: Sequence[str],
    max_worse: float,
) -> list[str]:  # fmt: skip
    """Why a build is to fail, in sentences."""
    from pilothouse.redteam.comparing import over_limit, worse  # noqa: PLC0415 - numpy, and not for --help

    found = [] if max_success is None else over_limit(report, max_success, classes)
    return found + ([] if comparison is None else worse(comparison, max_worse, classes))


def say(report: "Report", comparison: "Comparison | None", form: str, output: Path | None) -> None:
    """Tell a report: as text or JSON, or as an HTML page into a file."""
    from pilothouse.redteam.page import page  # noqa: PLC0415 - jinja, and not for --help

    if form == "html":
        text = page(report, comparison)
    elif form == "json":
        told = report.to_json()
        text = in_json(told if comparison is None else {**told, "comparison": comparison.to_json()})
    else:
        lines = [*shown_report(report), *(shown_comparison(comparison) if comparison else ())]
        text = plain("\n".join(lines))
    if output is None:
        click.echo(text)
    else:
        output.write_text(text + "\n", encoding="utf-8")


def shown_report(report: "Report") -> Iterator[str]:
    """The report, for a terminal."""
    from pilothouse.redteam.report import FAILED  # noqa: PLC0415 - numpy, and not for --help

    yield f"Red team of {report.target}: {report.name}, {report.status}"
    yield ""
    yield from _table([report.total, *report.classes], "class")
    yield ""
    yield from _table(report.mutators, "mutator")
    if report.harmless is not None:
        one = report.harmless
        yield ""
        yield f"Harmless requests that a guard stopped: {one.stopped} of {one.n} ({_interval(one)})"
    if report.guards:
        yield ""
        yield "Guards that triggered: " + "; ".join(
            f"{one.guard} ({', '.join(filter(None, (one.stage, one.action)))}) on {one.attacks} attacks"
            + (f" and {one.harmless} harmless requests" if one.harmless else "") for one in report.guards
        )  # fmt: skip
    if blind := [one.guard for one in report.guards if one.action == FAILED]:
        yield f"Beware: {', '.join(dict.fromkeys(blind))} could not look, and the figures are those without."
    if report.errors:
        yield f"{report.errors} tries failed and are in no rate: {'; '.join(report.why_errors)}"
    if report.left_out:
        yield f"{report.left_out} attacks mean nothing to this target and were left out."
    if report.broken:
        yield ""
        yield "Succeeded:"
        for broken in report.broken[:_BROKEN]:
            yield f"  {broken.id}: {broken.how}"
        if report.total.succeeded > _BROKEN:
            yield f"  and {report.total.succeeded - _BROKEN} more"


def shown_comparison(found: "Comparison") -> Iterator[str]:
    """The comparison, for a terminal."""
    yield ""
    yield f"Before: {found.before_name} ({found.before}); after: {found.after_name} ({found.after})"
    rows = [("class", "attacks", "before", "after", "difference", "95 % interval", "p", "opened", "closed")]
    for one in (found.total, *found.classes, *([found.harmless] if found.harmless else ())):
        rows.append((
            one.name, str(one.n), f"{one.before:.1%}", f"{one.after:.1%}", f"{one.difference:+.1%}",
            f"{one.low:+.1%} to {one.high:+.1%}", f"{one.p_corrected:.3g}", str(len(one.opened)), str(len(one.closed)),
        ))  # fmt: skip
    yield from _columns(rows)
    if found.same_guards:
        yield "Both runs met the same guards: what differs is something else."
    if found.only_before or found.only_after:
        yield f"{found.only_before} attacks are in the run before alone, {found.only_after} in the one after alone."


def _table(rates: "Sequence[Rate]", what: str) -> Iterator[str]:
    rows = [(what, "attacks", "succeed", "95 % interval", "stopped", "refused", "resisted", "seeds broken")]
    for one in rates:
        share = "-" if one.rate is None else f"{one.rate:.1%}"
        counts = (str(one.stopped), str(one.refused), str(one.resisted), f"{one.seeds_broken} of {one.seeds}")
        rows.append((one.name, str(one.n), share, _interval(one), *counts))
    yield from _columns(rows)


def _interval(one: "Rate") -> str:
    return "-" if one.low is None or one.high is None else f"{one.low:.1%} to {one.high:.1%}"


def _columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.ljust(width) if not place else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
