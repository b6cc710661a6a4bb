"""What the versions of a prompt were used for and cost, over time, as panels. Knows nothing of pages."""

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlencode

from markupsafe import Markup, escape

from pilothouse.console.boards.panels import Panel
from pilothouse.console.plots import Moments, Series, timeline
from pilothouse.console.render import ROOT
from pilothouse.console.units import COUNT, MONEY, TIME, Unit
from pilothouse.observe.prompt_calls import Sums
from pilothouse.observe.sums.period import Period

__all__ = ["panels_of"]

_SHOWN = 6
Steps = Mapping[tuple[int, int], Sums]


def panels_of(name: str, period: Period, steps: Steps) -> list[Panel]:
    """Calls and cost by version, stacked; cost and time of a call as lines. The six versions that were called most have
    a series of their own. `steps` are figures by (number of the step, version)."""
    numbers = list(period.steps)
    moments = Moments([number * period.step_us for number in numbers], period.step_us)
    links = [_traces(name, at, period.step_us) for at in moments.at_us]
    shown = sorted(_most_called(steps)[:_SHOWN], reverse=True)

    def told(title: str, unit: Unit, of: Callable[[Sums], float | None], *, stacked: bool) -> Panel:
        series = [
            Series(f"version {version}", [_of(steps, number, version, of) for number in numbers], f"s{index}")
            for index, version in enumerate(shown)
        ]
        if stacked:
            rest = [
                sum(of(one) or 0 for (at, other), one in steps.items() if at == n and other not in shown)
                for n in numbers
            ]
            series += [Series("others", rest, "rest")] if any(rest) else []
        drawn = [one for one in series if any(value is not None for value in one.values)]
        chart = timeline(title, moments, drawn, unit, links, stacked=stacked)
        empty = not any(value for one in drawn for value in one.values)
        return Panel(title, chart, [(one.name, one.look) for one in drawn], empty=empty)

    return [
        told("Calls", COUNT, lambda one: one.calls, stacked=True),
        told("Cost", MONEY, lambda one: one.totals["cost_nano"], stacked=True),
        told("Cost of a call", MONEY, lambda one: one.mean("cost_nano"), stacked=False),
        told("Time of a call, mean", TIME, lambda one: one.mean("latency_us"), stacked=False),
    ]


def _most_called(steps: Steps) -> Sequence[int]:
    calls: dict[int, int] = {}
    for (_, version), one in steps.items():
        calls[version] = calls.get(version, 0) + one.calls
    return sorted(calls, key=lambda version: (-calls[version], -version))


def _of(steps: Steps, number: int, version: int, of: Callable[[Sums], float | None]) -> float | None:
    found = steps.get((number, version))
    return None if found is None else of(found)


def _traces(name: str, at_us: int, step_us: int) -> Markup:
    """The calls behind a step, escaped."""
    asked = urlencode({"prompt": name, "since_us": at_us, "until_us": at_us + step_us})
    return escape(f"{ROOT}/traces?{asked}")
