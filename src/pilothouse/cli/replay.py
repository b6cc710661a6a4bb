"""`pilothouse replay`: recorded traffic through a new configuration, as a simulation. No provider is called."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pilothouse.cli.context import Context, as_json, in_json, pass_context, plain
from pilothouse.ids import now_us
from pilothouse.snapshot import read_config

if TYPE_CHECKING:
    from pilothouse.lifecycle.replay import Report, Side
    from pilothouse.protocols import Progress

__all__ = ["replay"]

_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SPAN = re.compile(r"(\d{1,6})([mhdw])")
_US = 1_000_000


class _Since(click.ParamType[int]):
    """A length of time such as `90m`, `24h`, `7d` or `2w`, in microseconds."""

    name = "time"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = _SPAN.fullmatch(value)
        if match is None:
            self.fail(f"{value!r} is no length of time: write it as 90m, 24h, 7d or 2w.", param, ctx)
        return int(match[1]) * _UNITS[match[2]] * _US


@click.command()
@click.option(
    "--config", "path", required=True, type=click.Path(path_type=Path), help="The configuration to try (a YAML file)."
)
@click.option("--since", type=_Since(), default="7d", show_default=True, help="How far back: 90m, 24h, 7d, 2w.")
@click.option("--limit", type=click.IntRange(1), help="Only the newest so many traces.")
@click.option("--semantic", is_flag=True, help="Also its semantic caches: about 4 ms of CPU per call.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the random choices.")
@as_json
@pass_context
def replay(
    context: Context, path: Path, since: int, limit: int | None, semantic: bool, seed: int, as_json: bool
) -> None:
    """Run recorded traffic through a new configuration and tell what would change. No provider is called."""
    from pilothouse.lifecycle.replay_job import ReplayOrder, run_replay  # noqa: PLC0415 - heavy, and not for --help

    config, until = read_config(path), now_us()
    order = ReplayOrder(since_us=until - since, until_us=until, limit=limit, semantic=semantic, seed=seed)
    with _showing_progress() as progress:
        report = run_replay(context.settings, config, order, progress)
    if as_json:
        click.echo(in_json(report.to_json()))
    else:
        click.echo("\n".join(plain(line) for line in _told(report)))


@contextmanager
def _showing_progress() -> "Iterator[Progress | None]":
    """A bar on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 - rich is for terminals
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Replaying calls", total=None)
        yield lambda done, total, note="": bar.update(task, completed=done, total=total or None)


def _told(report: "Report") -> list[str]:
    if not report.calls:
        return ["No model calls were recorded in this time."]
    before, after = report.before.to_json(), report.after.to_json()
    lines = [
        f"{report.calls} calls, {sum(report.refused.values())} of them would be refused.",
        "",
        f"{'':24}{'recorded':>14}{'would be':>14}{'change':>10}",
        _row("cost (USD)", before["cost_nano"] / 1e9, after["cost_nano"] / 1e9, f"  over {report.priced} calls", 4),
    ]
    for name, key in (("latency", "latency_ms"), ("first token", "ttft_ms")):
        for at in ("p50", "p95") if before[key]["calls"] else ():
            note = f"  over {before[key]['calls']} calls"
            lines.append(_row(f"{name} {at} (ms)", before[key][at], after[key][at], note, 0))
    lines.append(f"{'cache hits':24}{_hits(report.before):>14}{_hits(report.after):>14}")
    if report.shadow_hits:
        lines.append(f"{'  in shadow mode':24}{'':14}{report.shadow_hits:>14,}")
    if report.cut:
        lines.append(f"{'answers cut short':24}{'':14}{report.cut:>14,}")
    lines += _listed("Refused", dict(report.refused.most_common()))
    moves = report.to_json()["moved"]
    lines += _listed("Answered elsewhere", {f"{move['from']} -> {move['to']}": move["calls"] for move in moves})
    lines += _listed("Could not be judged", dict(report.not_judged.most_common()))
    return [*lines, "", "Not simulated", *(f"  {what}" for what in report.not_simulated)]


def _row(name: str, old: float, new: float, note: str, digits: int) -> str:
    change = f"{(new - old) / old:+.1%}" if old else ""
    return f"{name:24}{old:>14,.{digits}f}{new:>14,.{digits}f}{change:>10}{note}"


def _hits(side: "Side") -> str:
    return f"{sum(side.hits.values()):,}"


def _listed(title: str, rows: dict[str, int]) -> list[str]:
    return ["", title, *(f"  {count:>8,}  {what}" for what, count in rows.items())] if rows else []
