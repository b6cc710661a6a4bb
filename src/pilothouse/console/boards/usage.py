"""How much it was used, by whom, and when: requests, users, and the hours of the week."""

from collections.abc import Mapping

from pilothouse.console.boards.panels import (
    REQUESTS,
    Board,
    Column,
    Panel,
    count_of,
    figure,
    over_time,
    ranking,
    table,
    tile,
)
from pilothouse.console.boards.view import View
from pilothouse.console.plots import Moments, Series, heat_map, timeline
from pilothouse.console.units import COUNT, MONEY, SHARE
from pilothouse.observe.sums.amounts import Amounts

__all__ = ["board"]

_HOUR_US = 3_600_000_000
_WEEK_US = 7 * 24 * _HOUR_US
_MONDAY_US = 4 * 24 * _HOUR_US  # 1970-01-05
_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_USERS = 10
_SUMS = ("cost_nano", "requests")


def board(view: View) -> Board:
    """Requests as a whole, over time, by hour of the week, by endpoint, feature and user."""
    now, before = view.total(), view.total_before()
    steps, steps_before = view.steps(), view.steps_before()
    counted = "requests" if now.requests or not view.only else "calls"
    tiles = [tile(counted.capitalize(), COUNT, counted, now, before)]
    panels = [_requests(view, counted, steps, steps_before)]
    if not view.only:
        users = view.figures.users(view.period, view.project, _USERS)
        earlier = view.figures.users(view.before, view.project).count if view.before is not None else None
        note = "Some days had more than are told apart." if users.more else "of whole days, UTC"
        tiles.append(figure("Users", COUNT, users.count, earlier, "", note))
        per_user = now.requests / users.count if users.count else None
        tiles.append(
            figure("Queries per user", COUNT, per_user, before.requests / earlier if before and earlier else None)
        )
        panels += [_peaks(view), _users(view, users.by_day)]
    tiles += [
        tile("Calls of models", COUNT, "calls", now, before),
        tile("Answered by our caches", SHARE, "hit_rate", now, before, "good"),
    ]
    cost = Column("Cost", count_of("cost_nano"), MONEY)
    for dimension in ("endpoint", "feature", "team", "environment"):
        if view.keeps(dimension) and not view.only:
            found, before_it = view.by(dimension, sums=_SUMS), view.by_before(dimension, sums=_SUMS)
            panels.append(ranking(view, f"By {dimension}", dimension, found, before_it, (REQUESTS, cost)))
    if not view.only:
        panels.append(ranking(view, "The dearest users", "user", users.dearest, {}, (cost, REQUESTS)))
    return Board(tiles, panels)


def _requests(view: View, counted: str, steps: list[Amounts], before: list[Amounts] | None) -> Panel:
    series = [Series(counted, [float(getattr(one, counted)) for one in steps], "s0")]
    if before is not None:
        series.append(Series("before", [float(getattr(one, counted)) for one in before], "before"))
    return over_time(view, counted.capitalize(), series, COUNT, stacked=True, broad=True)


def _peaks(view: View) -> Panel:
    """The week by hours. A field leads to the latest such hour of the period."""
    week = view.figures.peak_hours("requests", view.period, view.project)
    links = [[_latest(view, day, hour) for hour in range(24)] for day in range(7)]
    busiest = sorted(
        ((amount, day, hour) for day, row in enumerate(week) for hour, amount in enumerate(row)), reverse=True
    )
    rows = [[f"{_NAMES[day]}, {hour:02}:00", f"{amount:,}"] for amount, day, hour in busiest if amount]
    twin = table([("Hour of the week, UTC", ""), ("Requests", "n")], rows)
    empty = not rows
    title = "Peak hours"
    note = "UTC. A field leads to the latest such hour." if rows else ""
    return Panel(title, heat_map(title, week, links, "requests"), twin=twin, note=note, empty=empty)


def _latest(view: View, day: int, hour: int) -> str | None:
    into_week = (day * 24 + hour) * _HOUR_US
    at = (view.until_us - _HOUR_US - _MONDAY_US - into_week) // _WEEK_US * _WEEK_US + _MONDAY_US + into_week
    return view.traces(at, at + _HOUR_US) if at >= view.since_us else None


def _users(view: View, by_day: Mapping[int, int]) -> Panel:
    moments = Moments(list(by_day), 24 * _HOUR_US)
    links = [view.traces(at, at + 24 * _HOUR_US) for at in by_day]
    title = "Users by day"
    chart = timeline(
        title, moments, [Series("users", [float(n) for n in by_day.values()], "s4")], COUNT, links, stacked=True
    )
    rows = [[moments.told[n], f"{number:,}"] for n, number in enumerate(by_day.values()) if number]
    twin = table([("UTC", ""), ("Users", "n")], rows[::-1])
    return Panel(title, chart, twin=twin, empty=not rows)
