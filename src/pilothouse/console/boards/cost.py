"""What was spent, on what and by whom; per query, per user and per day."""

from collections.abc import Mapping

from pilothouse.console.boards.panels import (
    CALLS,
    REQUESTS,
    Board,
    Column,
    Panel,
    Tile,
    count_of,
    figure,
    over_time,
    ranking,
    tile,
)  # fmt: skip
from pilothouse.console.boards.view import View
from pilothouse.console.plots import Series
from pilothouse.console.units import COUNT, MONEY
from pilothouse.observe.sums.amounts import Amounts, Users

__all__ = ["BY", "board"]

BY = ("model", "feature", "team", "user", "key", "prompt", "deployment", "endpoint", "environment", "release")
"""The dimensions that spending is told by."""

_BESIDE = ("feature", "team", "key", "model")
_DAY_US = 86_400_000_000
_STACKED = 6
_RANKED = 12
_TOLD = 200
_SUMS = ("cost_nano", "requests", "calls")

_COST = Column("Cost", count_of("cost_nano"), MONEY)
_PER_REQUEST = Column("Per request", lambda amounts: amounts.nano_per_request, MONEY)
_PER_CALL = Column("Per call", lambda amounts: amounts.cost_nano / amounts.calls if amounts.calls else None, MONEY)


def board(view: View, by: str) -> Board:
    """Cost as a whole, over time, and by a dimension."""
    now, before = view.total(), view.total_before()
    steps, steps_before = view.steps(), view.steps_before()
    users = None if view.only else view.figures.users(view.period, view.project, _TOLD if by == "user" else 0)
    days = (view.until_us - view.since_us) / _DAY_US
    unpriced = "They are in no cost." if now.unpriced else ""
    tiles = [
        tile("Cost", MONEY, "cost_nano", now, before, "bad"),
        tile("Per query", MONEY, "nano_per_request", now, before, "bad"),
        tile("Per day", MONEY, lambda one: one.cost_nano / days, now, before, "bad"),
        *_per_user(view, users, now, before),
        tile("Calls of models", COUNT, "calls", now, before),
        tile("Calls without a price", COUNT, "unpriced", now, before, "bad", unpriced),
    ]
    panels: list[Panel] = []
    found: Mapping[str, Amounts] = {}
    if users is not None and by == "user":
        found = users.dearest
    elif view.keeps(by):
        found = view.by(by, limit=_TOLD, sums=_SUMS)
    panels.append(_stacked(view, by, found, steps, steps_before))
    if found:
        panels.append(_ranked(view, by, found, looks=True))
    per_query = [Series("per query", [one.nano_per_request for one in steps], "s0")]
    if steps_before is not None:
        per_query.append(Series("before", [one.nano_per_request for one in steps_before], "before"))
    if now.requests:
        panels.append(over_time(view, "Cost per query", per_query, MONEY))
    beside = [dimension for dimension in _BESIDE if dimension != by and view.keeps(dimension)]
    panels += [_ranked(view, dimension, view.by(dimension, sums=_SUMS)) for dimension in beside[:3]]
    return Board(tiles, panels)


def _per_user(view: View, users: Users | None, now: Amounts, before: Amounts | None) -> list[Tile]:
    if users is None:
        return []
    earlier = view.figures.users(view.before, view.project).count if view.before is not None else 0
    was = before.cost_nano / earlier if before is not None and earlier else None
    return [figure("Per user", MONEY, now.cost_nano / users.count if users.count else None, was, "bad")]


def _stacked(
    view: View, by: str, found: Mapping[str, Amounts], steps: list[Amounts], before: list[Amounts] | None
) -> Panel:  # fmt: skip
    whole = [float(one.cost_nano) for one in steps]
    names = [value for value, one in found.items() if one.cost_nano][:_STACKED]
    fits = bool(names) and not (by == "user" and view.period.grain == "hour")  # users are kept by day
    series = view.stack("cost_nano", by, names, whole) if fits else [Series("cost", whole, "s0")]
    if before is not None:
        series.append(Series("before", [float(one.cost_nano) for one in before], "before"))
    title = f"Cost by {by}" if fits else "Cost"
    return over_time(view, title, series, MONEY, stacked=True, broad=True)


def _ranked(view: View, by: str, found: Mapping[str, Amounts], *, looks: bool = False) -> Panel:
    counted = any(one.requests for one in found.values())
    columns = (_COST, _PER_REQUEST, REQUESTS) if counted else (_COST, _PER_CALL, CALLS)
    most = _RANKED if looks else 8
    before = view.by_before(by, list(found)[:most], _SUMS)  # the dearest come first, and are those that are shown
    return ranking(view, f"By {by}", by, found, before, columns, most=most, looks=looks)
