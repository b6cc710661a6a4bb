"""`pilothouse spend`: what was spent, and whether the vendors agree."""

import json
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pilothouse.cli.context import Context, as_json, pass_context, show_rows
from pilothouse.ids import now_us

if TYPE_CHECKING:
    from pilothouse.observe.costs.reconcile import Difference, Reconciliation

__all__ = ["spend"]

_EPOCH = date(1970, 1, 1)
_DAY = click.DateTime(["%Y-%m-%d"])
_COLUMNS = ("day", "model", "ours", "theirs", "input_ours", "input_theirs", "output_ours", "output_theirs")


@click.group()
def spend() -> None:
    """What was spent: by account and day, and held against a vendor's bill."""


@spend.command()
@click.argument("account", required=False)
@click.option("--project", default="default", show_default=True, help="The project.")
@click.option("--since", type=_DAY, help="The first day (UTC); 30 days ago where left out.")
@click.option("--until", type=_DAY, help="The last day (UTC); today where left out.")
@click.option("--prefix", default="", help="Only accounts that begin so, such as key: or user:")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="How many accounts.")
@as_json
@pass_context
def show(
    context: Context, account: str | None, project: str, since: Any, until: Any, prefix: str, limit: int, as_json: bool
) -> None:
    """The accounts that spent most, or what one ACCOUNT spent on each day (such as key:..., team:default/ml).

    Unpriced calls have no known price: they are not in what was spent.
    """
    from pilothouse.observe.costs.ledger import Ledger  # noqa: PLC0415 - the room is heavy, and not for --help
    from pilothouse.observe.money import usd  # noqa: PLC0415

    today = now_us() // 86_400_000_000
    first = today - 30 if since is None else (since.date() - _EPOCH).days
    end = today + 1 if until is None else (until.date() - _EPOCH).days + 1
    with context.looking() as platform:
        platform.drainer.flush()
        ledger = Ledger(platform.store)
        if account is None:
            found: list[Any] = list(ledger.accounts(first, end, project, prefix=prefix, limit=limit))
        else:
            found = list(ledger.spend(account, first, end, project))
    rows = [asdict(row) for row in found]
    for row in rows:
        if "day" in row:
            row["day"] = str(_EPOCH + timedelta(days=row["day"]))
        if not as_json:
            spent = usd(None if row["unpriced"] and not row["nano"] else row["nano"])
            counts = {name: f"{row[name]:,}" for name in ("tokens", "calls", "unpriced")}
            row |= {"spent": spent, **counts}
    columns = ("account" if account is None else "day", "spent", "tokens", "calls", "unpriced")
    show_rows(rows, columns, as_json=as_json, empty="Nothing was spent in that time.")


@spend.command()
@as_json
@pass_context
def rebuild(context: Context, as_json: bool) -> None:
    """Make the sums that budgets are held against anew from the ledger's entries."""
    from pilothouse.observe.costs.ledger import Ledger  # noqa: PLC0415 - the room is heavy, and not for --help

    with context.looking() as platform:
        platform.drainer.flush()
        found = Ledger(platform.store).rebuild()
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
    else:
        click.echo(f"{found.entries:,} entries make {found.balances:,} balances; {found.corrected:,} were corrected.")


@spend.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--month", required=True, metavar="YYYY-MM", help="The month to compare.")
@click.option("--provider", help="The provider kind of our entries to compare; the export's vendor where left out.")
@click.option("--all", "everything", is_flag=True, help="Show what agrees, too.")
@as_json
@pass_context
def reconcile(context: Context, file: Path, month: str, provider: str | None, everything: bool, as_json: bool) -> int:
    """Hold a month against a vendor's export: JSON of OpenAI's or Anthropic's usage and cost reports, or CSV.

    Exit code 1 when the two disagree.
    """
    from pilothouse.observe.costs.exports import read_export  # noqa: PLC0415 - the room is heavy, and not for --help
    from pilothouse.observe.costs.ledger import Ledger  # noqa: PLC0415
    from pilothouse.observe.costs.reconcile import reconcile as compare  # noqa: PLC0415

    export = read_export(file.read_bytes(), str(file))
    with context.looking() as platform:
        platform.drainer.flush()
        report = compare(export, Ledger(platform.store), month, provider)
    if as_json:
        from pilothouse.observe.costs.reconcile import to_json  # noqa: PLC0415

        click.echo(json.dumps(to_json(report), indent=2))
    else:
        rows = report.rows if everything else report.differences
        show_rows(map(_row, rows), _COLUMNS, as_json=False, empty="The two agree.")
        click.echo(_summary(report))
    return 1 if report.differences else 0


def _row(row: "Difference") -> dict[str, str]:
    from pilothouse.observe.money import usd  # noqa: PLC0415 - the room is heavy, and not for --help

    ours = None if row.unpriced and not row.our_nano else row.our_nano
    return {
        "day": str(row.day), "model": row.model, "ours": usd(ours),
        "theirs": "" if row.their_nano is None else usd(row.their_nano),
        "input_ours": f"{row.our_input:,}", "input_theirs": _count(row.their_input),
        "output_ours": f"{row.our_output:,}", "output_theirs": _count(row.their_output),
    }  # fmt: skip


def _summary(report: "Reconciliation") -> str:
    from pilothouse.observe.money import usd  # noqa: PLC0415 - the room is heavy, and not for --help

    theirs = "" if report.their_nano is None else f", theirs {usd(report.their_nano)}"
    covered = "" if report.coverage is None else f" The ledger has {report.coverage:.1%} of what was billed."
    return f"{report.month}: ours {usd(report.our_nano)}{theirs}.{covered}"


def _count(tokens: int | None) -> str:
    return "" if tokens is None else f"{tokens:,}"
