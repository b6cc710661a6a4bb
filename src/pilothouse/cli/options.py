"""How limits, budgets, times and durations are written on the command line, for every command that takes them."""

import getpass
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pilothouse.cli.context import Context
from pilothouse.config import Budget, Limits
from pilothouse.ids import now_us

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from pilothouse.access import Actor

__all__ = [
    "BUDGET", "DURATION", "MOMENT", "control", "given_limits", "limit_options", "me", "shown_budgets", "shown_limits",
    "shown_time",
]  # fmt: skip

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_F = TypeVar("_F", bound=Callable[..., Any])


class _Duration(click.ParamType):  # type: ignore[type-arg]  # newer clicks only
    """Seconds, written as `90s`, `15m`, `24h` or `30d`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        match = re.fullmatch(r"(\d+)([smhd])", str(value))
        if match is None:
            self.fail(f"'{value}' is no duration: write it as 90s, 15m, 24h or 30d.", param, ctx)
        return float(int(match[1]) * _UNITS[match[2]])


class _Moment(click.ParamType):  # type: ignore[type-arg]  # newer clicks only
    """UTC microseconds, written as a duration from now, or as a date with or without a time (UTC)."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if re.fullmatch(r"\d+[smhd]", str(value)):
            return now_us() + int(DURATION.convert(value, param, ctx) * 1e6)
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"'{value}' is no time: write it as 30d, 2030-01-31 or 2030-01-31T12:00Z.", param, ctx)
        return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e6)


class _Budget(click.ParamType):  # type: ignore[type-arg]  # newer clicks only
    """A Budget, written as `100usd/month` or `5000000tokens/day`."""

    name = "budget"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Budget:
        match = re.fullmatch(r"(\d+(?:\.\d{1,9})?)(usd|tokens)/(day|week|month|total)", str(value))
        if match is None or (match[2] == "tokens" and "." in match[1]):
            self.fail(f"'{value}' is no budget: write it as 100usd/month or 5000000tokens/day.", param, ctx)
        return Budget.model_validate({match[2]: match[1], "period": match[3]})


DURATION, MOMENT, BUDGET = _Duration(), _Moment(), _Budget()


def limit_options(command: _F) -> _F:
    """Adds --rpm, --tpm, --parallel and --budget; `given_limits` makes Limits of the first three."""
    for option in (
        click.option("--budget", "budgets", type=BUDGET, multiple=True, help="Such as 100usd/month; may be repeated."),
        click.option("--parallel", type=click.IntRange(1), help="Calls at once."),
        click.option("--tpm", type=click.IntRange(1), help="Tokens per minute."),
        click.option("--rpm", type=click.IntRange(1), help="Requests per minute."),
    ):
        command = option(command)
    return command


def given_limits(given: Mapping[str, Any], before: Limits | None = None) -> Limits | None:
    """The limits that options state, beside the others of `before`; None where they state none."""
    names = {"rpm": "requests_per_minute", "tpm": "tokens_per_minute", "parallel": "parallel"}
    stated = {field: given[option] for option, field in names.items() if given[option] is not None}
    return (before or Limits()).model_copy(update=stated) if stated else None


def shown_limits(limits: Limits) -> str:
    """Limits in a few words."""
    words = {"rpm": limits.requests_per_minute, "tpm": limits.tokens_per_minute, "parallel": limits.parallel}
    return ", ".join(f"{value} {word}" for word, value in words.items() if value is not None)


def shown_budgets(budgets: tuple[Budget, ...]) -> str:
    """Budgets as they are written."""
    texts = []
    for budget in budgets:
        if budget.usd is not None:
            texts.append(f"{budget.usd:f}usd/{budget.period}")
        if budget.tokens is not None:
            texts.append(f"{budget.tokens}tokens/{budget.period}")
    return ", ".join(texts)


def shown_time(at_us: int | None) -> str:
    """A time in UTC, empty for none."""
    return "" if at_us is None else datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def me() -> "Actor":
    """Who runs the command, for the audit log."""
    from pilothouse.access import Actor  # noqa: PLC0415 - the room is heavy, and not for --help

    try:
        return Actor(getpass.getuser(), "cli")
    except (KeyError, OSError):  # a user without a name, as in some containers
        return Actor("somebody", "cli")


@contextmanager
def control(context: Context) -> "Iterator[Engine]":
    """The control database of this home. Needs no configuration, and none that holds."""
    from pilothouse.storage import open_store  # noqa: PLC0415 - SQLAlchemy costs 150 ms that --help does not need

    store = open_store(context.settings)
    try:
        yield store.control
    finally:
        store.close()
