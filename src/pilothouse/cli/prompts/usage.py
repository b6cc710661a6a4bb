"""`pilothouse prompts usage`: what the calls of each version came to."""

from typing import TYPE_CHECKING

import click

from pilothouse.cli.context import Context, as_json, in_json, pass_context, show_rows
from pilothouse.cli.filters import project_option
from pilothouse.ids import now_us

if TYPE_CHECKING:
    from pilothouse.prompts.usage import Rate, VersionUsage

__all__ = ["usage"]

_COLUMNS = (
    "version", "calls", "cost a call", "unpriced", "p50", "p95", "tokens a call", "failed", "refused", "guarded",
    "cached", "scores",
)  # fmt: skip


@click.command()
@click.argument("name")
@click.option("--since", "length", default="7d", show_default=True, metavar="LENGTH", help="Such as 24h, 7d or 4w.")
@click.option("--label", help="Only the calls that came by this label.")
@project_option
@as_json
@pass_context
def usage(context: Context, name: str, length: str, label: str | None, project: str, as_json: bool) -> None:
    """Calls, cost, latency, tokens, failures, refusals and scores of each version, the newest first.

    What evaluation asked is not counted. Percentiles are of the newest 10,000 calls.
    """
    from pilothouse.observe.period import Period  # noqa: PLC0415 - the rooms are heavy, and not for --help
    from pilothouse.observe.prompt_calls import PromptCalls  # noqa: PLC0415
    from pilothouse.prompts.usage import usage_of  # noqa: PLC0415
    from pilothouse.prompts.versions import check_label  # noqa: PLC0415

    period = Period.last(length, now_us())
    label = None if label is None else check_label(label)
    with context.looking() as platform:
        platform.drainer.flush()
        platform.prompts.prompts.prompt(project, name)
        told = usage_of(PromptCalls(platform.store), project, name, period, label=label)
    if as_json:
        click.echo(in_json([one.to_json() for one in told]))
        return
    rows = [_row(one) for one in told]
    columns = [column for column in _COLUMNS if any(row[column] for row in rows)]
    show_rows(rows, columns, as_json=False, empty="No version of it was called in that time.")


def _row(one: "VersionUsage") -> dict[str, str]:
    from pilothouse.observe.money import duration, usd  # noqa: PLC0415

    def time(us: float | None) -> str:
        return "" if us is None else duration(round(us))

    return {
        "version": str(one.version), "calls": f"{one.calls:,}",
        "cost a call": "unknown" if one.nano_per_call is None else usd(round(one.nano_per_call)),
        "unpriced": f"{one.unpriced:,}" if one.unpriced else "", "p50": time(one.latency_p50_us),
        "p95": time(one.latency_p95_us),
        "tokens a call": "" if one.tokens_per_call is None else f"{one.tokens_per_call:,.0f}",
        "failed": _share(one.errors), "refused": _share(one.refusals), "guarded": _share(one.guarded),
        "cached": _share(one.cached), "scores": ", ".join(f"{score.name} {score.mean:.2f}" for score in one.scores),
    }  # fmt: skip


def _share(rate: "Rate") -> str:
    return f"{rate.share:.1%}" if rate.count else ""
