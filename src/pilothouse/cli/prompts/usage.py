"""`pilothouse prompts usage`: what the calls of each version came to."""

import click

from pilothouse.cli.context import as_json, in_json, show_rows
from pilothouse.cli.prompts.desk import Desk, at_registry
from pilothouse.types import Json

__all__ = ["usage"]

_COLUMNS = (
    "version", "calls", "cost a call", "unpriced", "p50", "p95", "tokens a call", "failed", "refused", "guarded",
    "cached", "scores",
)  # fmt: skip


@click.command()
@click.argument("name")
@click.option("--since", "length", default="7d", show_default=True, metavar="LENGTH", help="Such as 24h, 7d or 4w.")
@click.option("--label", help="Only the calls that came by this label.")
@as_json
@at_registry
def usage(desk: Desk, /, name: str, length: str, label: str | None, as_json: bool) -> None:
    """Calls, cost, latency, tokens, failures, refusals and scores of each version, the newest first.

    What evaluation asked is not counted. Percentiles are of the newest 10,000 calls.
    """
    told = desk.usage(name, period=length, label=label)
    if as_json:
        click.echo(in_json(told))
        return
    rows = [_row(one) for one in told]
    columns = [column for column in _COLUMNS if any(row[column] for row in rows)]
    show_rows(rows, columns, as_json=False, empty="No version of it was called in that time.")


def _row(one: Json) -> dict[str, str]:
    from pilothouse.observe.money import duration, usd  # noqa: PLC0415

    def time(us: float | None) -> str:
        return "" if us is None else duration(round(us))

    cost, tokens = one["nano_per_call"], one["tokens_per_call"]
    return {
        "version": str(one["version"]), "calls": f"{one['calls']:,}",
        "cost a call": "unknown" if cost is None else usd(round(cost)),
        "unpriced": f"{one['unpriced']:,}" if one["unpriced"] else "", "p50": time(one["latency_p50_us"]),
        "p95": time(one["latency_p95_us"]), "tokens a call": "" if tokens is None else f"{tokens:,.0f}",
        "failed": _share(one["errors"]), "refused": _share(one["refusals"]), "guarded": _share(one["guarded"]),
        "cached": _share(one["cached"]),
        "scores": ", ".join(f"{score['name']} {score['mean']:.2f}" for score in one["scores"]),
    }  # fmt: skip


def _share(rate: Json) -> str:
    return f"{rate['share']:.1%}" if rate["count"] else ""
