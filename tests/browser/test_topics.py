"""The map of topics in a real browser: every dot and name is within its frame at any width, and leads to its traces."""

from pathlib import Path

import pytest

from pilothouse.app import build
from pilothouse.ids import now_us
from pilothouse.settings import Settings

from ..observe.asking import ask
from .driver import Browser

OUTSIDE = """
(() => {
  const frame = document.querySelector('svg.map').getBoundingClientRect();
  return [...document.querySelectorAll('svg.map circle, svg.map text')].filter(one => {
    const box = one.getBoundingClientRect();
    return box.left < frame.left || box.right > frame.right || box.top < frame.top || box.bottom > frame.bottom;
  }).length;
})()
"""

COLOURS = (
    "[...document.querySelectorAll('svg.map .dots')].map(one => getComputedStyle(one.children[1].firstChild).fill)"
)


@pytest.mark.parametrize(("width", "dark"), [(360, True), (1440, False)])
async def test_from_the_map_to_the_traces(browser: Browser, tmp_path: Path, width: int, dark: bool) -> None:
    with build(Settings(home=tmp_path / "home")) as platform:
        master = platform.first_key()
        assert master is not None
        ask(platform.store, platform.recorder, platform.drainer, now_us())
        async with platform.server(port=0).running() as address:
            page = await browser.page(width=width, dark=dark)
            await page.goto(f"{address}/console/dashboards/topics")
            await page.type("#key", master)
            await page.click("button.main", leaves=True)
            assert await page.evaluate("document.querySelectorAll('svg.map circle').length") == 40
            assert await page.evaluate(OUTSIDE) == 0
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
            assert len(set(await page.evaluate(COLOURS))) == 2
            assert "75 %" in await page.text(".boards")
            await page.click("svg.map a[href*='topic=refund'] text", leaves=True)
            assert await page.evaluate("location.pathname") == "/console/traces"
            assert await page.evaluate("document.querySelectorAll('.traces tbody tr').length") == 30
            assert "refund, gift card" in await page.text(".line.small")
            assert page.problems == []
