"""What people do in the console, in a real browser."""

import pytest

from ..console.site import KEY
from .driver import Browser, Page


async def signed_in(page: Page, address: str, path: str = "/console/traces") -> None:
    """Open a page by its address, as someone who has to sign in first."""
    await page.goto(address + path)
    await page.type("#key", KEY)
    await page.click("button.main", leaves=True)


async def test_signing_in_and_out(browser: Browser, address: str) -> None:
    page = await browser.page()
    await page.goto(f"{address}/console/traces/t07?span=call")
    await page.type("#key", "wrong")
    await page.click("button.main", leaves=True)
    assert "does not open the console" in await page.text()
    await page.type("#key", KEY)
    await page.click("button.main", leaves=True)
    assert await page.evaluate("location.pathname + location.search") == "/console/traces/t07?span=call"
    assert await page.evaluate("document.cookie") == ""
    await page.click("header form button", leaves=True)
    await page.goto(f"{address}/console/traces")
    assert await page.evaluate("location.pathname") == "/console/login"


async def test_from_the_list_to_a_step(browser: Browser, address: str) -> None:
    page = await browser.page()
    await signed_in(page, address)
    assert await page.evaluate("document.querySelectorAll('.traces tbody tr').length") == 50
    await page.type("[name=text]", "t42")
    await page.click(".filters button.main", leaves=True)
    await page.click(".traces tbody tr", leaves=True)
    assert await page.evaluate("location.pathname") == "/console/traces/t42"
    assert await page.evaluate("document.querySelectorAll('.lane rect').length") == 5
    before = len(page.requests)
    await page.click('a.step[href*="span=call"]')
    await page.until("document.querySelector('#detail h2').innerText === 'chat openai/gpt-4o'")
    assert "52 tokens/s" in await page.text("#detail")
    assert await page.evaluate("location.search") == "?span=call"
    asked = [request.rpartition("/")[2] for request in page.requests[before:] if "/traces" in request]
    assert asked == ["t42?span=call&part=detail"]
    assert page.problems == []


async def test_walking_the_steps_by_keyboard(browser: Browser, address: str) -> None:
    page = await browser.page()
    await signed_in(page, address, "/console/traces/t01")
    await page.evaluate("document.querySelector('ol a').focus()")
    await page.press("ArrowDown")
    await page.until("document.querySelector('#detail h2').innerText === 'retrieve'")
    assert await page.evaluate("document.querySelectorAll('[aria-current=true]').length") == 1


async def test_a_live_list_only_when_asked_for(browser: Browser, address: str) -> None:
    page = await browser.page()
    await signed_in(page, address)
    assert await page.evaluate("document.querySelector('[data-live]').getAttribute('aria-pressed')") == "false"
    await page.evaluate("document.querySelector('#list').dataset.old = 'yes'")
    await page.click("[data-live]")
    await page.until("!document.querySelector('#list').dataset.old")
    assert await page.evaluate("document.querySelectorAll('.traces tbody tr').length") == 50
    await page.click("[data-live]")
    assert await page.evaluate("document.querySelector('[data-live]').getAttribute('aria-pressed')") == "false"
    assert page.problems == []


async def test_a_live_list_stops_when_the_session_ends(browser: Browser, address: str) -> None:
    page = await browser.page()
    await signed_in(page, address)
    await page.evaluate("fetch('/console/logout', {method: 'POST', redirect: 'manual'})")
    await page.click("[data-live]")
    await page.until("document.querySelector('[data-live]').getAttribute('aria-pressed') === 'false'")
    assert await page.evaluate("document.querySelectorAll('.traces tbody tr').length") == 50


async def test_times_are_local(browser: Browser, address: str) -> None:
    page = await browser.page()
    await page.call("Emulation.setTimezoneOverride", timezoneId="Asia/Tokyo")
    await page.call("Emulation.setLocaleOverride", locale="de-DE")
    await signed_in(page, address, "/console/traces?text=t00")
    assert await page.text("td.when") == "09.10.25, 17:53:20"


async def test_without_scripts(browser: Browser, address: str) -> None:
    page = await browser.page(scripts=False)
    await signed_in(page, address)
    await page.click(".traces tbody tr:nth-child(2)", leaves=True)
    await page.click('a.step[href*="span=call"]', leaves=True)
    assert await page.text("#detail h2") == "chat openai/gpt-4o"
    assert await page.evaluate("document.querySelector('[data-copy]').checkVisibility()") is False


@pytest.mark.parametrize("path", ["/console/traces", "/console/traces/bad", "/console/traces/bad?span=call"])
async def test_hostile_text_stays_text(browser: Browser, address: str, path: str) -> None:
    page = await browser.page()
    await signed_in(page, address, path)
    assert "<script>document.title" in await page.text("main")
    assert await page.evaluate("document.title") != "owned"
    assert await page.evaluate("document.images.length") == 0
    assert page.dialogs == []
    assert page.problems == []


async def test_nothing_is_fetched_from_elsewhere(browser: Browser, address: str) -> None:
    page = await browser.page()
    await signed_in(page, address, "/console/traces/t01")
    assert all(request.startswith((address, "about:blank")) for request in page.requests)


async def test_a_script_that_got_into_the_page_would_not_run(browser: Browser, address: str) -> None:
    page = await browser.page()
    await signed_in(page, address)
    await page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))"
    )
    assert await page.evaluate("window.ran === undefined")
    assert any("Content Security Policy" in problem for problem in page.problems)


@pytest.mark.parametrize("dark", [False, True])
async def test_light_and_dark(browser: Browser, address: str, dark: bool) -> None:
    page = await browser.page(dark=dark)
    await signed_in(page, address, "/console/traces/t01")
    brightness = "getComputedStyle(document.{}).{}.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0)"
    page_bright = await page.evaluate(brightness.format("body", "backgroundColor"))
    text_bright = await page.evaluate(brightness.format("body", "color"))
    assert (page_bright < 200 < 500 < text_bright) if dark else (text_bright < 200 < 500 < page_bright)


@pytest.mark.parametrize("width", [360, 720, 1000, 1400, 2400])
async def test_no_page_is_wider_than_the_window(browser: Browser, address: str, width: int) -> None:
    page = await browser.page(width=width)
    for path in ("/console/login", "/console/traces", "/console/traces/bad", "/console/traces/t01?span=call"):
        if path == "/console/traces":
            await signed_in(page, address)
        else:
            await page.goto(address + path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, path


@pytest.mark.parametrize("width", [320, 360, 720])
async def test_nothing_in_a_row_of_the_list_covers_another(browser: Browser, address: str, width: int) -> None:
    page = await browser.page(width=width)
    await signed_in(page, address)
    assert "a_provider_said" in await page.text(".traces tbody tr .state")
    covered = """[...document.querySelectorAll('.traces tbody tr')].flatMap(row => {
        const boxes = ['.name', '.pill', '.when time', '.took', '.cost'].map(one => {
            const drawn = document.createRange();
            drawn.selectNodeContents(row.querySelector(one));
            const text = drawn.getBoundingClientRect(), box = row.querySelector(one).getBoundingClientRect();
            return [one, one === '.name' || one === '.pill' ? box : text];
        });
        return boxes.flatMap(([one, a], i) => boxes.slice(i + 1)
            .filter(([, b]) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)
            .map(([other]) => one + ' and ' + other));
    })"""
    assert await page.evaluate(covered) == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
