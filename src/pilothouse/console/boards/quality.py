"""How good answers were, as far as they were judged: scores by name, thumbs, how many lie below a limit; and drift."""

from collections.abc import Mapping
from dataclasses import replace

from markupsafe import Markup

from pilothouse.console.boards import drift
from pilothouse.console.boards.panels import Board, Panel, Tile, figure, over_time, short, table, value_cell
from pilothouse.console.boards.view import View
from pilothouse.console.plots import Series
from pilothouse.console.svg import element
from pilothouse.console.units import SCORE, SHARE
from pilothouse.observe.sums.amounts import Scored
from pilothouse.observe.sums.stats import SCORED_BY
from pilothouse.stats.intervals import wilson_bounds

__all__ = ["board"]

_THUMBS = "feedback"
_SURE = 1.96  # standard errors: 95 %
_MOST = 8
_FINE = 48  # hours
_BARELY = 1e-6


def board(view: View, below: float) -> Board:
    """Scores by name: mean, share below a limit with its interval, over time, by model and prompt. Judgements are few:
    more than two days are told by day."""
    if len(view.period.steps) > _FINE and view.period.grain == "hour":
        view = replace(view, period=replace(view.period, told_by="day"))
    dimension, value = next(iter(view.only.items()), ("all", ""))
    if dimension != "all" and dimension not in SCORED_BY:
        return Board([], [Panel("Scores", Markup(""), note=f"They are not kept by {dimension}.", empty=True)])
    figures, project = view.figures, view.project
    now = {name: one for (_, name), one in figures.scores(view.period, project, dimension, value).items()}
    before: Mapping[str, Scored] = {}
    if view.before is not None:
        before = {name: one for (_, name), one in figures.scores(view.before, project, dimension, value).items()}
    ordered = sorted(now, key=lambda name: (name != _THUMBS, -now[name].count))
    tiles = [_tile(name, now[name], before.get(name)) for name in ordered[:_MOST]]
    panels = [_shares(view, now, ordered, below)] if now else []
    steps = figures.scores_over_time(view.period, project, dimension, value)
    panels += [_trend(view, name, steps.get(name, {})) for name in ordered[:_MOST]]
    panels += [_by(view, of, ordered[:4]) for of in ("model", "prompt", "feature") if not view.only]
    panels += drift.panels(view)
    return Board(tiles, panels)


def _tile(name: str, now: Scored, before: Scored | None) -> Tile:
    was = before.mean if before else None
    unit = SHARE if name == _THUMBS else SCORE
    label = "Thumbs up" if name == _THUMBS else name
    return figure(label, unit, now.mean, was, "good", f"of {now.count:,} judged")


def _trend(view: View, name: str, steps: Mapping[int, Scored]) -> Panel:
    values = [steps[at].mean if at in steps else None for at in view.moments.at_us]
    unit = SHARE if name == _THUMBS else SCORE
    title = "Thumbs up" if name == _THUMBS else name
    return over_time(view, title, [Series("mean", values, "s0")], unit, links=view.steps_links(score=name))


def _shares(view: View, now: Mapping[str, Scored], ordered: list[str], below: float) -> Panel:
    """How many scores lie below the limit, and within what bounds that share lies of all answers, 95 % sure. A score
    leads to its traces below the limit."""
    most = f"{below - _BARELY:.10g}"  # the list takes a highest value
    rows: list[list[Markup | str]] = []
    for name in ordered:
        one = now[name]
        share = one.share_below(below)
        if share is not None:
            low, high = wilson_bounds(share * one.count, one.count, _SURE)
            rows.append(
                [
                    element("a", short(name), href=view.traces(score=name, score_most=most)),
                    SHARE.whole(share),
                    f"{SHARE.whole(low)} to {SHARE.whole(high)}",
                    f"{one.count:,}",
                    SCORE.told(one.mean),
                ]
            )
    heads = [("Score", ""), (f"Below {below:g}", "n"), ("95 % sure", "n"), ("Judged", "n"), ("Mean", "n")]
    note = "Of faithfulness, the share below a limit is the rate of hallucinations."
    return Panel(f"Below {below:g}", table(heads, rows), note=note, empty=not rows)


def _by(view: View, dimension: str, names: list[str]) -> Panel:
    found = view.figures.scores(view.period, view.project, dimension, None)
    counts: dict[str, int] = {}
    for (value, name), one in found.items():
        if name in names:
            counts[value] = counts.get(value, 0) + one.count
    rows: list[list[Markup | str]] = []
    for value in sorted(counts, key=lambda value: -counts[value])[:10]:
        cells = [found.get((value, name)) for name in names]
        rows.append(
            [
                value_cell(view, dimension, value),
                *(f"{c.mean:.3f} ({c.count:,})" if c and c.mean is not None else "" for c in cells),
            ]
        )
    heads = [(dimension.capitalize(), ""), *((name, "n") for name in names)]
    return Panel(f"Means by {dimension}, and how many were judged", table(heads, rows), empty=not rows)
