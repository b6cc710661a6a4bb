"""`pilothouse shadow`: what mirrored calls showed of a candidate."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from pilothouse.cli.context import Context, as_json, pass_context, show_rows
from pilothouse.cli.options import DURATION
from pilothouse.ids import now_us

if TYPE_CHECKING:
    from pilothouse.lifecycle.shadow import Delta, ShadowRow

__all__ = ["shadow"]

_COLUMNS = ("alias", "candidate", "calls", "failed", "agreement", "length", "latency", "cost_per_1000")


@click.group()
def shadow() -> None:
    """Shadow traffic: a share of live calls, asked of a candidate too and never answered from it."""


@shadow.command()
@click.option("--alias", help="Only this alias.")
@click.option("--since", type=DURATION, default="7d", show_default=True, help="How far back.")
@click.option("--project", default="default", show_default=True, help="The project.")
@as_json
@pass_context
def report(context: Context, alias: str | None, since: float, project: str, as_json: bool) -> None:
    """How often the candidate agreed, and what it costs and takes beside the live model (95 % intervals)."""
    from pilothouse.lifecycle.shadow import ShadowReports  # noqa: PLC0415 - the room is heavy, and not for --help

    with context.looking() as platform:
        platform.drainer.flush()
        found = ShadowReports(platform.store.observe).report(now_us() - int(since * 1e6), project, alias)
    rows: list[dict[str, Any]] = [asdict(row) if as_json else _shown(row) for row in found]
    show_rows(rows, _COLUMNS, as_json=as_json, empty="No calls were mirrored in that time.")


def _shown(row: "ShadowRow") -> dict[str, Any]:
    low, high = row.agreement_interval
    return {
        "alias": row.alias, "candidate": row.model, "calls": row.calls, "failed": row.failed,
        "agreement": "" if row.agreement is None else f"{row.agreement:.1%} ({low:.1%} to {high:.1%})",
        "length": "" if row.length_ratio is None else f"x{row.length_ratio:.2f}",
        "latency": _difference(row.latency_us, 1e-3, " ms"),
        "cost_per_1000": _difference(row.cost_nano, 1e-6, " USD", digits=4),
    }  # fmt: skip


def _difference(delta: "Delta | None", unit: float, name: str, digits: int = 0) -> str:
    if delta is None:
        return ""
    text = f"{delta.mean * unit:+.{digits}f}{name}"
    if delta.interval is None:
        return text
    low, high = (edge * unit for edge in delta.interval)
    return f"{text} ({low:+.{digits}f} to {high:+.{digits}f})"
