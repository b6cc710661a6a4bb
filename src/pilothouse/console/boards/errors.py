"""What failed: how much of it, why, and where."""

from collections.abc import Mapping

from pilothouse.console.boards.panels import (
    CALLS,
    REQUESTS,
    Board,
    Column,
    Panel,
    count_of,
    figure,
    over_time,
    ranking,
    tile,
)
from pilothouse.console.boards.view import View
from pilothouse.console.plots import Series
from pilothouse.console.units import COUNT, SHARE
from pilothouse.observe.sums.amounts import Amounts

__all__ = ["KINDS", "board", "kind_of"]

KINDS = {
    "Timeouts": ("timeout", "timedout", "deadline"),
    "Rate limits": (
        "ratelimit", "limitexceeded", "insufficientquota", "overloaded", "throttl", "toomanyrequests",
        "resourceexhausted", "429",
    ),
    "Malformed outputs": (
        "protocolerror", "malformed", "invalidjson", "jsondecode", "invalidoutput", "outputparser", "validationerror",
        "unexpectedmodelbehavior", "schema",
    ),
    "Guard triggers": ("contentfilter", "guard", "blocked"),
}  # fmt: skip
"""What errors of applications and providers are summed up as, by what is in their code or in the name of the exception
(of openai, anthropic, botocore, google, json, pydantic, langchain, pydantic-ai), without `_` and `-`; the first that
fits."""

_STACKED = 6


def board(view: View) -> Board:
    """Failures as a whole, over time, by code, endpoint and model."""
    now, before = view.total(), view.total_before()
    steps, steps_before = view.steps(), view.steps_before()
    codes = view.by("error", sums=("failed",)) if view.keeps("error") else {}
    earlier = view.by_before("error", sums=("failed",)) if view.keeps("error") else {}
    tiles = [
        tile("Failed", SHARE, "error_rate", now, before, "bad"),
        tile("Failed requests", COUNT, "failed", now, before, "bad"),
        tile("Calls that failed", SHARE, _call_errors, now, before, "bad", "Another attempt may have answered."),
    ]
    if view.keeps("error"):
        sums, were = _kinds(codes), _kinds(earlier)
        tiles += [figure(name, COUNT, sums[name], were[name] if before else None, "bad") for name in KINDS]
    share = [Series("requests that failed", [one.error_rate for one in steps], "bad")]
    share.append(Series("calls of models that failed", [_call_errors(one) for one in steps], "s1"))
    if steps_before is not None:
        share.append(Series("requests before", [one.error_rate for one in steps_before], "before"))
    failing = view.steps_links(status="error")
    panels = [over_time(view, "Share that failed", share, SHARE, broad=True, links=failing)]
    if view.keeps("error"):
        names = [code for code, _ in sorted(codes.items(), key=lambda item: -item[1].failed)][:_STACKED]
        whole = [float(one.failed) for one in steps]
        stacked = view.stack("failed", "error", names, whole) if not view.only else [Series("failed", whole, "bad")]
        panels.append(over_time(view, "Failed requests by code", stacked, COUNT, stacked=True, links=failing))
        columns = (Column("Requests", count_of("failed"), COUNT),)
        panels.append(ranking(view, "By code", "error", codes, earlier, columns, looks=not view.only))
    return Board(tiles, [*panels, *_by(view)])


def kind_of(code: str) -> str | None:
    """The kind that an error is summed up as; None where it is of none."""
    plain = code.lower().replace("_", "").replace("-", "")
    return next((kind for kind, parts in KINDS.items() if any(part in plain for part in parts)), None)


def _kinds(codes: Mapping[str, Amounts]) -> dict[str, int]:
    sums = dict.fromkeys(KINDS, 0)
    for code, amounts in codes.items():
        kind = kind_of(code)
        if kind is not None:
            sums[kind] += amounts.failed
    return sums


def _call_errors(amounts: Amounts) -> float | None:
    return amounts.call_errors / amounts.calls if amounts.calls else None


def _by(view: View) -> list[Panel]:
    panels = []
    share = Column("Failed", lambda amounts: amounts.error_rate, SHARE)
    for dimension in ("endpoint", "key"):
        if view.keeps(dimension) and not view.only:
            columns = (share, Column("Number", count_of("failed"), COUNT), REQUESTS)
            found = view.by(dimension, sums=("requests", "failed"))
            panels.append(ranking(view, f"By {dimension}", dimension, found, {}, columns, status="error"))
    if view.keeps("model"):
        columns = (Column("Failed", _call_errors, SHARE), Column("Number", count_of("call_errors"), COUNT), CALLS)
        panels.append(
            ranking(view, "Calls by model", "model", view.by("model", sums=("calls", "call_errors")), {}, columns)
        )
    return panels
