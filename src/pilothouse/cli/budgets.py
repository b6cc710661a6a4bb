"""`pilothouse budgets`: every budget, how much of it is spent and held, and when its period ends."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from pilothouse.cli.context import Context, as_json, pass_context, show_rows
from pilothouse.ids import now_us

if TYPE_CHECKING:
    from pilothouse.access.purses import Purse
    from pilothouse.app import Platform

__all__ = ["budgets"]

_COLUMNS = ("account", "name", "period", "spent", "held", "limit", "used", "ends", "state")
_EVERY_KEY = 100_000


@click.group()
def budgets() -> None:
    """Budgets: what is spent and held of each."""


@budgets.command(name="list")
@click.option("--project", help="Only those of this project; else all, those of organisations and deployments too.")
@click.option("--prefix", default="", help="Only of accounts that begin so, such as team: or key:")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many.")
@as_json
@pass_context
def list_(context: Context, project: str | None, prefix: str, limit: int, as_json: bool) -> None:
    """Every budget, the fullest first. Held is what running calls may cost at most.

    Budgets are set with --budget of keys, teams, projects and organisations, and in the configuration.
    """
    from pilothouse.access.stated import stated_purses  # noqa: PLC0415 - the room is heavy, and not for --help

    with context.looking() as platform:
        platform.drainer.flush()
        stated = stated_purses(platform.tenants, platform.keys, platform.budgets.purses, project)
        purses = [purse for purse in stated if purse.account.startswith(prefix)]
        found = sorted(_standings(platform, purses), key=lambda row: -row["share"])[:limit]
    rows = found if as_json else [_shown(row) for row in found]
    show_rows(rows, _COLUMNS, as_json=as_json, empty="No budgets. Set one: pilothouse keys update ID --budget 5usd/day")


def _standings(platform: "Platform", purses: "Sequence[Purse]") -> Iterator[dict[str, Any]]:
    """A row for each budget and unit: nano-USD or tokens. What is held is read where it was recorded, so that it is
    that of all processes, without Redis too."""
    from pilothouse.observe.costs.charges import day_of  # noqa: PLC0415 - the room is heavy, and not for --help
    from pilothouse.observe.costs.ledger import Place  # noqa: PLC0415

    today = day_of(now_us())
    windows = [purse.window(today) for purse in purses]
    places = [Place(p.project_id, p.account, w.first, w.end) for p, w in zip(purses, windows, strict=True)]
    sums = platform.ledger.spent(places)
    running = platform.ledger.open_calls()
    projects = {purse.project_id for purse in purses if purse.account.startswith("key:")}
    of_keys = [platform.keys.names(project, _EVERY_KEY) for project in projects]
    names = {f"key:{key}": name for found in of_keys for key, name in found.items()}
    for purse, days, spent in zip(purses, windows, sums, strict=True):
        mine = [call for call in running if purse.account in call.accounts and days.first <= day_of(call.at_us)]
        about = {
            "account": purse.account, "name": names.get(purse.account, ""), "project_id": purse.project_id,
            "period": purse.period, "ends": days.ends and str(days.ends),
        }  # fmt: skip
        if purse.nano is not None:
            held = sum(call.nano or 0 for call in mine)
            yield about | _standing("usd", spent.nano, held, purse.nano, purse.soft_nano)
        if purse.tokens is not None:
            held = sum(call.tokens for call in mine)
            yield about | _standing("tokens", spent.tokens, held, purse.tokens, purse.soft_tokens)


def _standing(unit: str, spent: int, held: int, limit: int, soft: int | None) -> dict[str, Any]:
    state = "over" if spent >= limit else "alert" if soft is not None and spent >= soft else "ok"
    share = (spent + held) / limit if limit else 1.0
    return {"unit": unit, "spent": spent, "held": held, "limit": limit, "share": round(share, 4), "state": state}


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    from pilothouse.observe.money import usd  # noqa: PLC0415 - the room is heavy, and not for --help

    amounts = {
        name: usd(row[name]) if row["unit"] == "usd" else f"{row[name]:,} tokens" for name in ("spent", "held", "limit")
    }
    return row | amounts | {"used": f"{row['share']:.1%}"}
