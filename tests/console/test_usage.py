"""Figures of versions over time: which have a series of their own, and what is the rest."""

from pilothouse.console.usage import panels_of
from pilothouse.observe.prompt_calls import Sums
from pilothouse.observe.sums.period import Period

DAY = 86_400_000_000
START = 20_000 * DAY
COLUMNS = ("cost_nano", "latency_us", "ttft_us", "input_tokens", "output_tokens")


def calls(number: int, cost: float | None = 1e6) -> Sums:
    known = dict.fromkeys(COLUMNS, number) | {"cost_nano": 0 if cost is None else number}
    totals = dict.fromkeys(COLUMNS, 2e6 * number) | {"cost_nano": (cost or 0) * number}
    return Sums(number, 0, 0, 0, 0, START, START, known, totals, {})


def test_the_versions_that_were_called_most_are_told_apart() -> None:
    steps = {(20_000 + version % 2, version): calls(version) for version in range(1, 10)}
    panels = panels_of("a/b", Period(START, START + 14 * DAY), steps)
    assert [panel.title for panel in panels] == ["Calls", "Cost", "Cost of a call", "Time of a call, mean"]
    named = [name for name, _ in panels[0].legend]
    assert named == [*(f"version {version}" for version in range(9, 3, -1)), "others"]
    assert [name for name, _ in panels[2].legend] == named[:-1]
    assert "/console/traces?prompt=a%2Fb&amp;since_us=1728000000000000" in panels[0].chart
    assert "Fri 04 Oct 2024 · 20" in panels[0].chart


def test_what_has_no_known_price_has_no_panel_of_cost() -> None:
    panels = panels_of("p", Period(START, START + 14 * DAY), {(20_000, 1): calls(3, None)})
    assert [panel.empty for panel in panels] == [False, True, True, False]
