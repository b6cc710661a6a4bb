"""What people do with the gateway in the console, in a real browser before a whole server."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest

from pilothouse.access.shapes import KeySettings, TenantSettings
from pilothouse.app import Platform, build
from pilothouse.config import Budget
from pilothouse.settings import Settings

from ..console.site import HOSTILE
from .driver import Browser, Page

CONFIG = """
models:
  fast:
    deployments: [{provider: builtin, model: echo}]
    exact_cache: {ttl: 600}
"""
PAGES = ("keys", "keys/new", "teams", "teams/new", "budgets", "models", "cache", "audit", "config", "config/edit")


@dataclass
class Served:
    """A running server, its platform, and the key that opens its console."""

    address: str
    platform: Platform
    master: str

    async def ask(self, key: str, text: str = "Ahoy") -> tuple[int, str]:
        """Status and cache header of a call to `fast`."""
        body = {"model": "fast", "messages": [{"role": "user", "content": text}]}
        headers = {"authorization": f"Bearer {key}"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.address}/v1/chat/completions", json=body, headers=headers) as answer,
        ):
            await answer.read()
            return answer.status, answer.headers.get("x-pilothouse-cache", "")


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    config = tmp_path / "pilothouse.yaml"
    config.write_text(CONFIG)
    with build(Settings(home=tmp_path / "home", config=config)) as platform:
        master = platform.first_key()
        assert master is not None
        async with platform.server(port=0).running() as address:
            yield Served(address, platform, master)


async def signed_in(browser: Browser, served: Served, path: str, **how: object) -> Page:
    page = await browser.page(**how)  # type: ignore[arg-type]
    await page.goto(f"{served.address}/console/{path}")
    await page.type("#key", served.master)
    await page.click("button.main", leaves=True)
    return page


@pytest.mark.parametrize("scripts", [True, False])
async def test_a_key_is_made_used_and_revoked(browser: Browser, served: Served, scripts: bool) -> None:
    page = await signed_in(browser, served, "keys", scripts=scripts)
    await page.click("a.button.main", leaves=True)
    await page.type("[name=name]", "frontend")
    await page.type("[name=models]", "fast")
    await page.click(".edit button.main", leaves=True)
    secret = await page.text("#secret")
    assert (await served.ask(secret))[0] == 200
    await page.click("a.button.main", leaves=True)
    assert "frontend" in await page.text("h1")
    assert secret not in await page.text()
    await page.click("a.button.danger", leaves=True)
    await page.click("button.danger", leaves=True)
    assert "The key is revoked" in await page.text(".notice")
    assert (await served.ask(secret))[0] == 401
    await page.goto(f"{served.address}/console/audit?action=key.*")
    text = await page.text("main")
    assert text.index("key.revoke") < text.index("key.create")
    assert "from console" in text
    assert page.problems == []


async def test_a_limit_that_is_set_holds(browser: Browser, served: Served) -> None:
    secret, principal = served.platform.keys.create("k", "caller")
    page = await signed_in(browser, served, f"keys/{principal.key_id}")
    await page.type("[name=requests_per_minute]", "1")
    await page.click(".edit button.main", leaves=True)
    assert "Saved." in await page.text(".notice")
    assert [(await served.ask(secret))[0] for _ in range(3)][-1] == 429


async def test_a_cache_is_purged(browser: Browser, served: Served) -> None:
    secret, _ = served.platform.keys.create("k", "caller")
    assert [(await served.ask(secret))[1] for _ in range(2)][-1] == "exact"
    page = await signed_in(browser, served, "cache")
    assert "50 %" in await page.text("table")
    await page.click("td a.danger", leaves=True)
    await page.click("button.danger", leaves=True)
    assert "1 entry forgotten" in await page.text(".notice")
    assert (await served.ask(secret))[1] != "exact"
    assert page.problems == []


async def test_the_configuration_is_edited_and_rolled_back(browser: Browser, served: Served) -> None:
    page = await signed_in(browser, served, "config/edit")
    replace = "document.querySelector('#text').value = document.querySelector('#text').value.replace({}, {})"
    await page.evaluate(replace.format("'model: echo'", "'modle: echo'"))
    await page.click("button[value=save]", leaves=True)
    assert "did you mean 'model'?" in await page.text(".failure")
    await page.click(".failure p:last-of-type [data-line]")
    chosen = (
        "document.activeElement.value.slice(document.activeElement.selectionStart, document.activeElement.selectionEnd)"
    )
    assert "modle: echo" in await page.evaluate(chosen)
    await page.evaluate(replace.format("'modle: echo'", "'model: echo\\n      weight: 0.5'"))
    await page.click("button[value=check]", leaves=True)
    assert "models.fast.deployments.builtin/echo.weight" in await page.text("[role=status]")
    assert served.platform.snapshot.number == 1
    await page.click("button[value=save]", leaves=True)
    assert await page.text("h1") == "Configuration 2"
    assert served.platform.snapshot.config.models["fast"].deployments[0].weight == 0.5
    await page.click("a[href$='rollback?number=1']", leaves=True)
    assert "weight" in await page.text("main")
    await page.click("button.danger", leaves=True)
    assert "Rolled back" in await page.text(".notice")
    assert served.platform.snapshot.number == 3
    assert served.platform.snapshot.config.models["fast"].deployments[0].weight == 1
    assert [problem for problem in page.problems if "400" not in problem] == []


async def test_another_site_on_this_host_cannot_send_forms(browser: Browser, served: Served) -> None:
    page = await signed_in(browser, served, "keys")
    send = """fetch('/console/keys', {method: 'POST', body: new URLSearchParams({name: 'x', role: 'admin'})})
              .then(answer => answer.status)"""
    assert await page.evaluate(send) == 403
    assert len(served.platform.keys.list()) == 1


@pytest.mark.parametrize("width", [360, 720, 1400])
async def test_no_page_is_wider_than_the_window(browser: Browser, served: Served, width: int) -> None:
    name = (HOSTILE.replace("\0", "") + "long" * 30)[:200]
    served.platform.tenants.create("team", "x" * 64, TenantSettings(name=name), parent="default")
    _, principal = served.platform.keys.create(
        name, "caller", KeySettings(team_id="x" * 64, budgets=[Budget(tokens=5)])
    )
    served.platform.members.put("default", name, "viewer")
    page = await signed_in(browser, served, "keys", width=width)
    paths = [
        *PAGES, f"keys/{principal.key_id}", f"keys/{principal.key_id}/revoke", f"teams/team/{'x' * 64}",
        f"teams/members/remove?subject={quote(name)}", "config/history", "config/diff?to=1", "cache/purge",
    ]  # fmt: skip
    for path in paths:
        await page.goto(f"{served.address}/console/{path}")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert await page.evaluate("document.title") != "owned"
        assert await page.evaluate("document.images.length") == 0
    assert page.problems == []
    assert page.dialogs == []


async def test_a_problem_is_told_on_every_page(browser: Browser, served: Served) -> None:
    page = await signed_in(browser, served, "keys")
    served.platform.settings.config.write_text("models: {fast: {}}")
    served.platform.live.reload()
    served.platform.live.check()
    for path in ("traces", *PAGES):
        await page.goto(f"{served.address}/console/{path}")
        assert "an alias needs at least one deployment" in await page.text(".banner"), path
