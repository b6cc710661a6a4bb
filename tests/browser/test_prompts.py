"""Prompts in a real browser: the preview that follows what is written, answers that stream side by side, a rollback."""

from pathlib import Path

from pilothouse.access import Actor
from pilothouse.app import build
from pilothouse.prompts.content import content_of
from pilothouse.settings import Settings

from ..console.site import HOSTILE
from .driver import Browser

ADA = Actor("ada", "console")
BAD = HOSTILE.replace("\0", "")
ECHO = "{deployments: [{provider: builtin, model: echo}]}"
CONFIG = f"models: {{one: {ECHO}, two: {ECHO}}}\n"


async def test_write_play_and_roll_back(browser: Browser, tmp_path: Path) -> None:
    config = tmp_path / "pilothouse.yaml"
    config.write_text(CONFIG)
    with build(Settings(home=tmp_path / "home", config=config)) as platform:
        master = platform.first_key()
        assert master is not None
        prompts = platform.prompts.prompts
        for version in (1, 2):
            template = f"Version {version} says {{{{ what }}}}."
            prompts.create("default", "a/b", content_of({"template": template}), by=ADA)
            prompts.promote("default", "a/b", version, by=ADA)
        async with platform.server(port=0).running() as address:
            page = await browser.page(width=400, dark=True)

            async def fits() -> None:
                assert await page.evaluate("document.documentElement.scrollWidth") <= 400

            await page.goto(f"{address}/console/prompts/edit?name=a/b")
            await page.type("#key", master)
            await page.click("button.main", leaves=True)
            await fits()
            await page.type("#text", " And {{ more }}")
            await page.until("document.querySelector('#preview').textContent.includes('‹more›')")
            await page.type("[name=value_more]", BAD)
            await page.until("document.querySelector('#preview').textContent.includes('⟨U+202E⟩')")
            assert await page.evaluate("document.title") != "owned"
            await page.evaluate("document.querySelector('.editor [name=token]').value = 'of another session'")
            await page.type("#text", "!")
            await page.until("document.querySelector('#preview').textContent.startsWith('No preview could be made')")

            await page.goto(f"{address}/console/prompts/play?name=a/b&beside=1")
            await fits()
            await page.type("[name=value_what]", f"hello {BAD}")
            await page.evaluate("document.querySelector('[name=model_2]').value = 'two'")
            await page.click("[data-do=run]")
            told = "[...document.querySelectorAll('[data-part=told]')].slice(0, 2)"
            await page.until(f"{told}.every(e => /tokens/.test(e.innerText))")
            answers = await page.evaluate("[...document.querySelectorAll('.answer')].map(e => e.textContent)")
            assert answers[0].startswith("Version 2 says hello <script>")
            assert answers[1].startswith("Version 1 says hello <script>")
            assert "⟨U+202E⟩" in answers[0]
            assert await page.evaluate("document.title") != "owned"
            await fits()
            await page.click("[data-part=keep]")
            assert "\u202e" in await page.evaluate("document.querySelector('[name=expected]').value")
            await page.evaluate("document.querySelector('[name=model_1]').value = 'nope'")
            await page.click("[data-do=run]")
            await page.until("document.querySelector('[data-part=error]').textContent.includes('nope')")

            await page.goto(f"{address}/console/prompts/one?name=a/b")
            await fits()
            await page.type("[name=reason]", "complaints")
            await page.click(".tags-list button.danger", leaves=True)
            assert "complaints" in await page.text(".tags-list")
            assert prompts.get("default", "a/b").number == 1
            assert [one for one in page.problems if "403" not in one] == []  # of the other session
