"""The waterfall in a real browser: each bar lies where its step was in time, each step in the one it was part of."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fastapi import FastAPI

from ..console.site import console
from ..observe.making import step
from .driver import Browser
from .test_console import signed_in

SECOND = 1_000_000
LASTING = 10 * SECOND


class Step(NamedTuple):
    """A step of the trace that is drawn, in the order in which the page shows them. Times are microseconds."""

    name: str
    parent: str | None
    at: int
    lasting: int
    first: int | None = None


STEPS = (
    Step("root", None, 0, LASTING),
    Step("search", "root", 1 * SECOND, 3 * SECOND),
    Step("embed", "search", 1 * SECOND, SECOND // 2),
    Step("rank", "search", 2 * SECOND, 2 * SECOND),
    Step("score", "rank", 3_250_000, 750_000),
    Step("answer", "root", 4_500_000, 5 * SECOND, first=2 * SECOND),
    Step("tidy", "root", 9_600_000, 400_000),
)

MEASURE = """
[...document.querySelectorAll('.waterfall a.step:not(.heads)')].map(a => {
  const lane = a.querySelector('.lane').getBoundingClientRect();
  const box = node => { const r = node.getBoundingClientRect(); return [r.left - lane.left, r.right - lane.left]; };
  const outer = a.parentElement.parentElement.closest('li');
  return {
    name: a.querySelector('bdi').innerText,
    within: outer && outer.querySelector('a.step bdi').innerText,
    indent: a.querySelector('bdi').getBoundingClientRect().left,
    top: a.getBoundingClientRect().top,
    lane: lane.width,
    bars: [...a.querySelectorAll('rect.span')].map(box),
    ticks: [...a.querySelectorAll('line:not(.first)')].map(line => box(line)[0]),
  };
})
"""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FastAPI]:
    spans = [
        step(s.name, s.parent, s.at, s.lasting, ttft_us=s.first, kind="llm" if s.first else "chain") for s in STEPS
    ]
    with console(tmp_path / "home", spans[::-1]) as app:  # the last to begin comes first
        yield app


@pytest.mark.parametrize("width", [1400, 800])
async def test_bars_lie_where_their_steps_were(browser: Browser, address: str, width: int) -> None:
    page = await browser.page(width=width)
    await signed_in(page, address, "/console/traces/t")
    drawn: list[dict[str, Any]] = await page.evaluate(MEASURE)
    assert [(row["name"], row["within"]) for row in drawn] == [(s.name, s.parent) for s in STEPS]
    tops = [row["top"] for row in drawn]
    assert tops == sorted(set(tops))
    by_name = {row["name"]: row for row in drawn}
    for s, row in zip(STEPS, drawn, strict=True):
        pixels = row["lane"] / LASTING
        assert row["lane"] > 100
        begins, ends = row["bars"][0][0], row["bars"][-1][1]
        assert begins == pytest.approx(s.at * pixels, abs=1), s.name
        assert ends - begins == pytest.approx(s.lasting * pixels, abs=1), s.name
        assert row["ticks"] == pytest.approx([row["lane"] * quarter / 4 for quarter in range(5)], abs=1)
        if s.first is not None:
            waited, spoke = row["bars"]
            assert spoke[0] == pytest.approx((s.at + s.first) * pixels, abs=1)
            assert waited[1] == pytest.approx(ends, abs=1)
        if s.parent is not None:
            assert row["indent"] > by_name[s.parent]["indent"], s.name
    assert page.problems == []
