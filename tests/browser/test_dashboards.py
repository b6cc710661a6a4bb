"""The dashboards in a real browser: what is drawn stands for what was recorded, at any width, and leads on."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pilothouse.app import build
from pilothouse.ids import now_us
from pilothouse.observe.scores import Scores
from pilothouse.settings import Settings

from ..observe.seeded import Asked, traffic
from .driver import Browser, Page

BOARDS = ("cost", "latency", "errors", "quality", "tokens", "usage")
HOUR_US = 3_600_000_000


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[tuple[str, str, list[Asked]]]:
    """The address of a server, the key that opens its console, and what it recorded."""
    with build(Settings(home=tmp_path / "home")) as platform:
        master = platform.first_key()
        assert master is not None
        asked = traffic(now_us(), 300, days=6)
        for one in asked:
            for span in one.spans:
                platform.recorder.record(span)
        platform.drainer.flush()
        Scores(platform.store).put("default", [score for one in asked for score in one.scores])
        async with platform.server(port=0).running() as address:
            yield address, master, asked


async def _open(browser: Browser, served: tuple[Any, ...], path: str, **how: Any) -> Page:
    page = await browser.page(**how)
    await page.goto(f"{served[0]}/console/{path}")
    await page.type("#key", served[1])
    await page.click("button.main", leaves=True)
    return page


async def test_columns_are_as_high_as_the_hours_were_busy(browser: Browser, served: tuple[Any, ...]) -> None:
    page = await _open(browser, served, "dashboards/usage")
    hours = Counter(one.root.start_us // HOUR_US for one in served[2])
    drawn = await page.evaluate("""
        (() => {
          const path = document.querySelector('.board.broad path.column').getAttribute('d');
          const heights = [...path.matchAll(/M([\\d.]+) ([\\d.]+)h[\\d.]+V([\\d.]+)/g)].map(m => [+m[1], m[3] - m[2]]);
          return heights.map(([x, height]) => [Math.floor(x / 1000 * 168), height]);
        })()
    """)
    first = now_us() // HOUR_US - 167
    assert len(drawn) == len(hours)
    scale = max(height for _, height in drawn) / max(hours.values())
    for step, height in drawn:
        assert height == pytest.approx(hours[first + step] * scale, abs=0.02)
    text = await page.text("dl.figures")
    assert str(len(served[2])) in text


async def test_from_a_point_to_its_traces(browser: Browser, served: tuple[Any, ...]) -> None:
    page = await _open(browser, served, "dashboards/cost")
    busiest, number = Counter(one.root.start_us // HOUR_US for one in served[2]).most_common(1)[0]
    link = f".board.broad a.at[href*='since_us={busiest * HOUR_US}&']"
    tip = await page.evaluate(f"document.querySelector({link!r}).querySelector('text').textContent")
    assert "$" in tip
    await page.click(f"{link} .hit", leaves=True)
    assert await page.evaluate("location.pathname") == "/console/traces"
    assert await page.evaluate("document.querySelectorAll('.traces tbody tr').length") == number
    assert page.problems == []


async def test_the_period_is_chosen_and_stays_in_the_address(browser: Browser, served: tuple[Any, ...]) -> None:
    page = await _open(browser, served, "dashboards/latency", scripts=False)
    await page.evaluate("document.querySelector('[name=period]').value = '30d'")
    await page.click(".period button.main", leaves=True)
    assert "period=30d" in await page.evaluate("location.search")
    assert "by day (UTC)" in await page.text(".told")
    await page.click(".tabs a:last-child", leaves=True)
    assert "period=30d" in await page.evaluate("location.search")


@pytest.mark.parametrize(("width", "dark"), [(360, True), (768, False), (1440, False)])
async def test_every_dashboard_fits_and_nothing_breaks_the_policy(
    browser: Browser, served: tuple[Any, ...], width: int, dark: bool
) -> None:
    page = await _open(browser, served, "dashboards", width=width, dark=dark)
    for board in BOARDS:
        await page.goto(f"{served[0]}/console/dashboards/{board}")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert await page.evaluate("document.querySelectorAll('.board').length") >= 3
        outside = await page.evaluate("""
            [...document.querySelectorAll('.plot')].filter(plot => {
              const box = plot.getBoundingClientRect(), inner = plot.parentElement.getBoundingClientRect();
              return box.left < inner.left || box.right > inner.right + 1 || box.height < 100;
            }).length
        """)
        assert outside == 0
        await page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.problems == []
    assert page.dialogs == []
