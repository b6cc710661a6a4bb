"""What tokens went where: in, out, from a provider's cache, for reasoning; and how many a request takes."""

from pilothouse.console.boards.latency import distribution
from pilothouse.console.boards.panels import CALLS, Board, Column, Panel, count_of, over_time, ranking, tile
from pilothouse.console.boards.view import View
from pilothouse.console.plots import Series
from pilothouse.console.units import COUNT, ROUGHLY, SHARE
from pilothouse.observe.sums.amounts import Amounts

__all__ = ["board"]


def board(view: View) -> Board:
    """Tokens as a whole, over time, spread, by model, prompt and feature."""
    now, before = view.total("tokens"), view.total_before()
    steps, steps_before = view.steps(), view.steps_before()
    tiles = [
        tile("Input tokens", COUNT, "input_tokens", now, before),
        tile("Of them cached", SHARE, "cached_share", now, before, "good"),
        tile("Output tokens", COUNT, "output_tokens", now, before),
        tile("Of them reasoning", SHARE, _reasoning, now, before),
        tile("Per request", COUNT, "tokens_per_request", now, before, "bad"),
        tile("Answered by our caches", SHARE, "hit_rate", now, before, "good"),
    ]
    split = [
        Series("input", [float(one.input_tokens - one.cached_tokens) for one in steps], "s0"),
        Series("input, cached", [float(one.cached_tokens) for one in steps], "s2"),
        Series("output", [float(one.output_tokens - one.reasoning_tokens) for one in steps], "s1"),
        Series("output, reasoning", [float(one.reasoning_tokens) for one in steps], "s3"),
    ]
    if steps_before is not None:
        split.append(Series("before", [float(one.tokens) for one in steps_before], "before"))
    per_request = [Series("per request", [one.tokens_per_request for one in steps], "s0")]
    cached = [Series("of input tokens", [one.cached_share for one in steps], "s2"),
              Series("calls answered by our caches", [one.hit_rate for one in steps], "s4")]  # fmt: skip
    if steps_before is not None:
        per_request.append(Series("before", [one.tokens_per_request for one in steps_before], "before"))
    panels = [over_time(view, "Tokens", split, COUNT, stacked=True, broad=True)]
    if now.requests:
        panels.append(over_time(view, "Tokens per request", per_request, COUNT))
    panels += [
        over_time(view, "Share from caches", cached, SHARE),
        distribution(view, "Tokens of a call", now, "tokens", COUNT),
    ]
    return Board(tiles, [*panels, *_by(view)])


def _reasoning(amounts: Amounts) -> float | None:
    return amounts.reasoning_tokens / amounts.output_tokens if amounts.output_tokens else None


def _by(view: View) -> list[Panel]:
    columns = (
        Column("Tokens", count_of("tokens"), ROUGHLY), Column("Input", count_of("input_tokens"), ROUGHLY),
        Column("Cached", count_of("cached_share"), SHARE), Column("Output", count_of("output_tokens"), ROUGHLY),
        Column("Per call", lambda amounts: amounts.tokens / amounts.calls if amounts.calls else None, COUNT), CALLS,
    )  # fmt: skip
    sums = ("input_tokens", "cached_tokens", "output_tokens", "calls")
    shown = [dimension for dimension in ("model", "prompt", "feature") if view.keeps(dimension)]
    return [
        ranking(view, f"By {name}", name, view.by(name, sums=sums), view.by_before(name, sums=sums), columns)
        for name in shown
    ]
