"""Sign-in to the console through a real OpenID provider: the whole way of a browser, and its wrong turns."""

import http.client
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from pilothouse.access import Keys, Members
from pilothouse.access.entrance import entrance
from pilothouse.access.signin import CALLBACK
from pilothouse.console import mount_console
from pilothouse.errors import ConfigError
from pilothouse.observe import Traces
from pilothouse.settings import Settings
from pilothouse.storage import open_store
from pilothouse.storage.changes import Changes

from .openid import CLIENT, SECRET, OpenIdProvider

PUBLIC = "https://pilot.acme.test"


@pytest.fixture
def settings(tmp_path: Path, provider: OpenIdProvider) -> Settings:
    return Settings(
        home=tmp_path / "home", public_url=PUBLIC, oidc_issuer=provider.url, oidc_client_id=CLIENT,
        oidc_client_secret=SECRET,
    )  # fmt: skip


@pytest.fixture
def members(settings: Settings) -> Members:
    return Members(open_store(settings).control)


@pytest.fixture
def app(settings: Settings, members: Members) -> Iterator[FastAPI]:
    store = open_store(settings)
    keys, changes = Keys(store.control), Changes(store.control)
    keys.watch(changes)
    keys.set_master("ph-master")
    members.put("default", "ada@acme.test", "viewer")
    ways = entrance(settings, keys, changes)
    app = FastAPI(openapi_url=None)
    mount_console(app, Traces(store), ways.sessions, sign_in=ways.sign_in, secure=True)
    yield app
    changes.close()
    store.close()


@pytest.fixture
def browser(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url=PUBLIC, follow_redirects=False) as client:
        yield client


def visit(url: str) -> str:
    """Go to the provider; gives where it sends back to, as a path of the console."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc)
    connection.request("GET", f"{parts.path}?{parts.query}")
    back = connection.getresponse().headers["location"]
    connection.close()
    assert back.startswith(f"{PUBLIC}{CALLBACK}?")
    return back.removeprefix(PUBLIC)


def begin(browser: TestClient, next: str = "/console/traces?status=error") -> str:
    """Start a sign-in; gives the provider's address."""
    answer = browser.get("/console/login/start", params={"next": next})
    assert answer.status_code == 303
    return answer.headers["location"]


def signed_in(browser: TestClient) -> bool:
    return browser.get("/console/traces").status_code == 200


def test_the_whole_way(browser: TestClient, provider: OpenIdProvider) -> None:
    assert "Sign in with your organisation" in browser.get("/console/login").text
    answer = browser.get(visit(begin(browser)))
    assert answer.status_code == 200
    assert 'content="0; url=/console/traces?status=error"' in answer.text
    session, gone = answer.headers.get_list("set-cookie")
    for words in ("pilothouse_session=member:", "HttpOnly", "SameSite=strict", "Secure", "Path=/console"):
        assert words in session
    assert 'pilothouse_sign_in=""' in gone
    assert signed_in(browser)
    assert browser.post("/console/traces").status_code == 403
    browser.post("/console/logout")
    assert not signed_in(browser)


def test_what_the_provider_is_asked(browser: TestClient, provider: OpenIdProvider) -> None:
    first, second = begin(browser), begin(browser)
    asked, again = ({n: v[0] for n, v in parse_qs(urlsplit(url).query).items()} for url in (first, second))
    assert {name: asked[name] for name in ("response_type", "client_id", "redirect_uri", "scope")} == {
        "response_type": "code", "client_id": CLIENT, "redirect_uri": PUBLIC + CALLBACK, "scope": "openid email",
    }  # fmt: skip
    assert asked["code_challenge_method"] == "S256"
    for name in ("state", "nonce", "code_challenge"):
        assert len(asked[name]) >= 43
        assert asked[name] != again[name]


def test_the_cookie_in_between(browser: TestClient) -> None:
    cookie = browser.get("/console/login/start").headers["set-cookie"]
    for words in ("HttpOnly", "SameSite=lax", "Secure", "Path=/console/login", "Max-Age=600"):
        assert words in cookie


@pytest.mark.parametrize("target", ["https://evil.test/", "//evil.test", "/v1/models", "/console/x" + "y" * 5000])
def test_it_leads_nowhere_else(browser: TestClient, target: str) -> None:
    assert "url=/console/traces" in browser.get(visit(begin(browser, target))).text


def refused(browser: TestClient, path: str, status: int, words: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == status
    assert words in answer.text
    assert not signed_in(browser)


def test_an_answer_to_another_browser(app: FastAPI, browser: TestClient) -> None:
    back = visit(begin(browser))
    with TestClient(app, base_url=PUBLIC, follow_redirects=False) as other:
        refused(other, back, 401, "not begun here")
        begin(other)
        refused(other, back, 401, "not begun here")


def test_an_answer_that_is_made_up(browser: TestClient) -> None:
    back = visit(begin(browser))
    state = parse_qs(urlsplit(back).query)["state"][0]
    refused(browser, f"{CALLBACK}?code=made-up&state={state}", 401, "gave no token (invalid_grant)")
    for query in ("", "?code=x", "?code=x&state=", "?code=x&state=é"):
        begin(browser)
        refused(browser, f"{CALLBACK}{query}", 401, "not begun here")


def test_an_answer_counts_once(browser: TestClient) -> None:
    back = visit(begin(browser))
    assert browser.get(back).status_code == 200
    browser.post("/console/logout")
    refused(browser, back, 401, "not begun here")


def test_the_code_of_another_sign_in(browser: TestClient) -> None:
    """Injected into this one with its state: the verifier (PKCE) does not fit."""
    stolen = parse_qs(urlsplit(visit(begin(browser))).query)["code"][0]
    state = parse_qs(urlsplit(begin(browser)).query)["state"][0]
    refused(browser, f"{CALLBACK}?code={stolen}&state={state}", 401, "gave no token (invalid_grant)")


def test_a_person_who_says_no(browser: TestClient) -> None:
    state = parse_qs(urlsplit(begin(browser)).query)["state"][0]
    refused(browser, f"{CALLBACK}?error=access_denied&state={state}", 403, "refused: access_denied")
    state = parse_qs(urlsplit(begin(browser)).query)["state"][0]
    refused(browser, f"{CALLBACK}?error=<b>&state={state}", 403, "no reason given")


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"aud": "another-client"}, "does not hold"),
        ({"aud": [CLIENT, "another-client"]}, "azp"),
        ({"azp": "another-client"}, "azp"),
        ({"iss": "https://evil.test"}, "does not hold"),
        ({"exp": 1_000_000_000}, "expired"),
        ({"iat": None}, "iat"),
        ({"at_hash": "AAAA"}, "at_hash"),
    ],
)
def test_a_token_that_does_not_hold(
    browser: TestClient, provider: OpenIdProvider, claims: dict[str, object], words: str
) -> None:
    provider.claims = claims
    refused(browser, visit(begin(browser)), 401, words)


@pytest.mark.parametrize(
    "user", [{"email": "eve@acme.test"}, {"email_verified": False}, {"sub": "ada@acme.test", "email": None}]
)
def test_somebody_who_is_no_member(browser: TestClient, provider: OpenIdProvider, user: dict[str, object]) -> None:
    provider.user |= user
    refused(browser, visit(begin(browser)), 403, "may not look at this console")


def test_a_member_by_sub(browser: TestClient, provider: OpenIdProvider, members: Members) -> None:
    members.put("default", "u-99", "editor")
    provider.user = {"sub": "u-99"}
    assert browser.get(visit(begin(browser))).status_code == 200
    assert signed_in(browser)


def test_a_member_who_is_removed_is_out_with_the_next_request(browser: TestClient, members: Members) -> None:
    browser.get(visit(begin(browser)))
    assert signed_in(browser)
    members.remove("default", "ada@acme.test")
    assert not signed_in(browser)


def test_an_answer_of_another_provider(browser: TestClient, provider: OpenIdProvider) -> None:
    provider.answer = {"iss": "https://evil.test"}
    refused(browser, visit(begin(browser)), 401, "of another provider")
    provider.answer = {"iss": provider.url}
    assert browser.get(visit(begin(browser))).status_code == 200


def test_the_secret_may_go_in_the_form(browser: TestClient, provider: OpenIdProvider) -> None:
    provider.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert browser.get(visit(begin(browser))).status_code == 200


def test_a_provider_that_is_away(browser: TestClient, provider: OpenIdProvider) -> None:
    provider.metadata = {"token_endpoint": "http://127.0.0.1:9/token"}
    answer = browser.get(visit(begin(browser)))
    assert answer.status_code == 503
    assert "gave no answer" in answer.text


def test_without_a_provider_there_is_no_such_way(tmp_path: Path) -> None:
    store = open_store(Settings(home=tmp_path / "other"))
    changes = Changes(store.control)
    ways = entrance(Settings(), Keys(store.control), changes)
    assert ways.sign_in is None
    app = FastAPI(openapi_url=None)
    mount_console(app, Traces(store), ways.sessions, sign_in=ways.sign_in)
    with TestClient(app, follow_redirects=False) as browser:
        assert "Sign in with your organisation" not in browser.get("/console/login").text
        assert browser.get("/console/login/start").status_code == 404
    changes.close()
    store.close()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "OIDC_CLIENT_ID"),
        ({"oidc_client_id": "x"}, "PUBLIC_URL"),
    ],
)
def test_settings_that_are_not_enough(tmp_path: Path, given: dict[str, str], words: str) -> None:
    store = open_store(Settings(home=tmp_path))
    changes = Changes(store.control)
    settings = Settings(home=tmp_path, oidc_issuer="https://id.acme.test", **given)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=words):
        entrance(settings, Keys(store.control), changes)
    changes.close()
    store.close()
