"""Who gets in, and the headers that every answer carries."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from pilothouse.principal import Principal

from .site import KEY, Keyring


def test_the_door(anonymous: TestClient) -> None:
    for path in ("/console/", "/console/traces", "/console/traces/t01", "/console/traces/t01/call.json", "/console/x"):
        answer = anonymous.get(path)
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/console/login?next=/console/")


def test_the_bare_address_leads_to_the_console(anonymous: TestClient) -> None:
    answer = anonymous.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/")


def test_without_the_last_slash(anonymous: TestClient) -> None:
    assert anonymous.get("/console").headers["location"].endswith("/console/")


def test_signing_in_leads_to_the_wanted_page(anonymous: TestClient) -> None:
    wanted = anonymous.get("/console/traces?status=error&text=a b").headers["location"]
    page = anonymous.get(wanted).text
    assert 'value="/console/traces?status=error&amp;text=a%20b"' in page
    answer = anonymous.post("/console/login", data={"key": f" {KEY} ", "next": "/console/traces?status=error"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/console/traces?status=error"
    assert anonymous.get("/console/traces").status_code == 200


def test_the_cookie_is_for_the_console_alone(anonymous: TestClient) -> None:
    cookie = anonymous.post("/console/login", data={"key": KEY}).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/console" in cookie
    assert "Secure" not in cookie


def test_the_cookie_is_secure_over_tls(app: FastAPI) -> None:
    client = TestClient(app, base_url="https://testserver", follow_redirects=False)
    assert "Secure" in client.post("/console/login", data={"key": KEY}).headers["set-cookie"]


@pytest.mark.parametrize("key", ["", "wrong", "ph-the-keyy", "\u202e", "x" * 100_000])
def test_a_wrong_key(anonymous: TestClient, key: str) -> None:
    answer = anonymous.post("/console/login", data={"key": key})
    assert answer.status_code == 401
    assert "does not open the console" in answer.text
    assert "set-cookie" not in answer.headers
    if key:
        assert key not in answer.text


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/console/", "//evil.example/console/", "/\\evil.example", "/console/..//evil.example",
        "javascript:alert(1)", "/consolex", "/v1/models", "", "/console/\n", "http:/console/x", "\\\\evil.example",
    ],
)  # fmt: skip
def test_a_login_leads_nowhere_else(anonymous: TestClient, target: str) -> None:
    answer = anonymous.post("/console/login", data={"key": KEY, "next": target})
    assert answer.headers["location"] == "/console/traces"
    page = anonymous.get("/console/login", params={"next": target}).text
    assert 'name="next" value="/console/traces"' in page


def test_a_form_from_another_site_is_refused(anonymous: TestClient) -> None:
    answer = anonymous.post("/console/login", data={"key": KEY}, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_signing_out(client: TestClient) -> None:
    answer = client.post("/console/logout")
    assert answer.headers["location"] == "/console/login"
    assert client.get("/console/traces").status_code == 303


def test_a_session_that_no_longer_holds(client: TestClient, keyring: Keyring) -> None:
    assert client.get("/console/traces").status_code == 200
    keyring.session = "another"
    assert client.get("/console/traces").status_code == 303


@pytest.mark.parametrize(
    "path",
    ["/console/login", "/console/traces", "/console/traces/t01", "/console/nothing", "/console/static/console.js"],
)
def test_every_answer_keeps_to_itself(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


def test_files_that_carry_their_version_may_be_cached(anonymous: TestClient) -> None:
    page = anonymous.get("/console/login").text
    address = page.split('stylesheet" href="')[1].split('"')[0]
    answer = anonymous.get(address)
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert len(answer.headers.get_list("cache-control")) == 1


@pytest.mark.parametrize("path", ["/console/static/../app.py", "/console/static/%2e%2e/app.py", "/console/static/none"])
def test_nothing_but_the_static_files_is_served(anonymous: TestClient, path: str) -> None:
    assert anonymous.get(path).status_code in (303, 404)


def test_pages_hold_no_inline_script_or_style(client: TestClient) -> None:
    for path in ("/console/login", "/console/traces", "/console/traces/t01", "/console/nothing"):
        page = client.get(path).text
        assert "<style" not in page
        assert " style=" not in page
        assert page.count("<script") == page.count('<script src="/console/static/')
        assert " onclick=" not in page


def test_unknown_pages_and_methods(client: TestClient) -> None:
    answer = client.get("/console/nothing")
    assert answer.status_code == 404
    assert "There is no such page" in answer.text
    assert client.post("/console/traces").status_code == 405


def test_a_bug_is_a_page_without_details(app: FastAPI, keyring: Keyring, caplog: pytest.LogCaptureFixture) -> None:
    def broken(cookie: str) -> Principal | None:
        raise RuntimeError("secret detail")

    client = TestClient(app, raise_server_exceptions=False)
    client.post("/console/login", data={"key": KEY})
    keyring.check = broken  # type: ignore[method-assign]
    answer = client.get("/console/traces")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert "secret detail" in caplog.text
    assert "default-src 'self'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/console/login", "/console/logout", "/console/traces"])
def test_no_form_from_another_site_is_taken(client: TestClient, path: str) -> None:
    assert client.post(path, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert client.get("/console/traces").status_code == 200


def test_a_viewer_looks_and_does_not_change(client: TestClient, keyring: Keyring) -> None:
    keyring.principal = Principal("default", "member:ada", "viewer")
    assert client.get("/console/traces").status_code == 200
    answer = client.post("/console/traces")
    assert answer.status_code == 403
    assert "You may look, but not change" in answer.text
    keyring.principal = Principal("default", "member:ada", "editor")
    assert client.post("/console/traces").status_code == 405
    keyring.principal = Principal("default", "member:ada", "viewer")
    assert client.post("/console/logout").headers["location"] == "/console/login"
