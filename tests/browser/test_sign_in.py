"""Signing in to the console through an OpenID provider, in a real browser: the provider is another site to it."""

import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from pilothouse.app import Platform, build
from pilothouse.settings import Settings

from ..access.openid import CLIENT, SECRET, OpenIdProvider, signing_key
from .driver import Browser, Page


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIdProvider]:
    with OpenIdProvider(signing_key()) as provider:
        provider.url = provider.url.replace("127.0.0.1", "localhost")  # the console is at 127.0.0.1: another site
        provider.asks = True
        yield provider


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@pytest.fixture
async def served(tmp_path: Path, provider: OpenIdProvider) -> AsyncIterator[Platform]:
    """A platform that people reach at its `public_url`."""
    port = free_port()
    settings = Settings(
        home=tmp_path / "home", public_url=f"http://127.0.0.1:{port}",
        master_key="ph-master", oidc_issuer=provider.url, oidc_client_id=CLIENT, oidc_client_secret=SECRET,
    )  # fmt: skip
    with build(settings) as platform:
        platform.first_key()
        async with platform.server("127.0.0.1", port).running():
            yield platform


async def signed_in(browser: Browser, served: Platform, path: str) -> Page:
    """Through the provider, by clicks, to a page of the console."""
    page = await browser.page()
    await page.goto(f"{served.settings.public_url}/console/{path}")
    await page.click(".login a.quiet", leaves=True)
    assert await page.text("h1") == "Acme"
    await page.click("a", leaves=True)
    await page.arrive(path)
    return page


async def test_a_member_signs_in_looks_and_signs_out(browser: Browser, served: Platform) -> None:
    served.members.put("default", "ada@acme.test", "viewer")
    page = await signed_in(browser, served, "models?from=mail")
    assert await page.evaluate("location.pathname + location.search") == "/console/models?from=mail"
    assert await page.text("header .who") == "ada@acme.test · viewer"
    shown = (await page.text("header nav")).split()
    assert "Models" in shown
    assert not {"Keys", "Audit"} & set(shown)

    await page.goto(f"{served.settings.public_url}/console/config/edit")
    assert "a key that may change the platform" in await page.text("main")
    await page.goto(f"{served.settings.public_url}/console/keys")
    assert "an administrator" in await page.text("main")

    await page.click("header form button", leaves=True)
    assert await page.evaluate("location.pathname") == "/console/login"
    await page.goto(f"{served.settings.public_url}/console/models")
    assert await page.evaluate("location.pathname") == "/console/login"
    assert [problem for problem in page.problems if "403" not in problem] == []


async def test_a_role_that_changed_holds_at_the_next_page(browser: Browser, served: Platform) -> None:
    served.members.put("default", "ada@acme.test", "viewer")
    page = await signed_in(browser, served, "traces")
    served.members.put("default", "ada@acme.test", "admin")
    await page.goto(f"{served.settings.public_url}/console/keys")
    assert await page.text("header .who") == "ada@acme.test · admin"
    assert await page.text("h1") == "Keys"
    served.members.remove("default", "ada@acme.test")
    await page.goto(f"{served.settings.public_url}/console/keys")
    assert await page.evaluate("location.pathname") == "/console/login"


async def test_somebody_who_is_no_member_stays_outside(browser: Browser, served: Platform) -> None:
    page = await browser.page()
    await page.goto(f"{served.settings.public_url}/console/traces")
    await page.click(".login a.quiet", leaves=True)
    await page.click("a", leaves=True)
    assert "'ada@acme.test' may not look at this console" in await page.text("main")
    await page.goto(f"{served.settings.public_url}/console/traces")
    assert await page.evaluate("location.pathname") == "/console/login"
