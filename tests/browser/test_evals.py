"""Evaluation in a real browser: from the list over a comparison to a case, at any width, whatever the texts are."""

from pathlib import Path

import pytest

from pilothouse.app import build
from pilothouse.settings import Settings
from pilothouse.storage.evaluating.eval_runs import EvalRuns

from ..console.site import HOSTILE
from ..evals.cards.kept import begin, outcome
from .driver import Browser

NAME = HOSTILE.replace("\0", "").replace("\u202e", "")


@pytest.mark.parametrize(("width", "dark"), [(400, True), (1280, False)])
async def test_from_the_list_to_a_case_side_by_side(browser: Browser, tmp_path: Path, width: int, dark: bool) -> None:
    with build(Settings(home=tmp_path / "home")) as platform:
        master = platform.first_key()
        assert master is not None
        runs = EvalRuns(platform.store)
        for name, better in ((NAME, 3), ("new", 5)):
            run = begin(runs, name)
            runs.put(
                "default", run.id, [outcome(i, better if i % 2 else 1, "win" if i % 3 else "loss") for i in range(60)]
            )
        async with platform.server(port=0).running() as address:
            page = await browser.page(width=width, dark=dark)

            async def fits() -> None:
                assert await page.evaluate("document.documentElement.scrollWidth") <= width

            await page.goto(f"{address}/console/evals")
            await page.type("#key", master)
            await page.click("button.main", leaves=True)
            await fits()
            assert NAME in await page.text(".runs")
            await page.evaluate("document.querySelectorAll('.pick input').forEach(one => one.checked = true)")
            await page.click(".paging button", leaves=True)
            await fits()
            assert await page.evaluate("location.pathname") == "/console/evals/compare"
            assert "quality" in await page.text(".list")
            await page.click("td.name a", leaves=True)
            await fits()
            assert await page.evaluate("document.querySelectorAll('.sides .card').length") == 2
            assert "differs" in await page.text("main")
            await page.click(".sides h2 a", leaves=True)
            await fits()
            await page.click("select[name=evaluator]")
            await page.click(".cases td.name a", leaves=True)
            await fits()
            assert "An answer." in await page.text("main")
            for path in ("judges", "leaderboard"):
                await page.goto(f"{address}/console/evals/{path}")
                await fits()
            assert "1 to 2" in await page.text("main")
            assert await page.evaluate("document.title") == "Leaderboard · Pilothouse"
            assert page.problems == []
