"""Console sessions: whose they are, and what does not pass for one."""

import pytest
from sqlalchemy import Engine

from pilothouse.access import Keys, Members, Sessions, Tenants
from pilothouse.access.shapes import KeyChange, KeySettings, PolicyRules, TenantSettings
from pilothouse.ids import now_us


def test_a_session_is_for_administrators_and_ends_with_its_key(engine: Engine) -> None:
    keys = Keys(engine)
    sessions = Sessions(keys)
    keys.set_master("ph-master")
    assert sessions.session_for("ph-wrong") is None
    assert sessions.session_for(keys.create("caller")[0]) is None
    assert sessions.session_for(keys.create("annotator", "annotator")[0]) is not None
    cookie = sessions.session_for("ph-master")
    assert cookie is not None
    assert sessions.check(cookie)
    keys.set_master("ph-other")
    assert not sessions.check(cookie)


def test_a_forged_or_expired_cookie_is_refused(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys(engine)
    keys.set_master("ph-master")
    sessions = Sessions(keys)
    cookie = sessions.session_for("ph-master") or ""
    key_id, expiry, signature = cookie.split(".")
    later = str(int(expiry) + 1)
    for forged in (
        "",
        "..",
        "master",
        f"{key_id}.{later}.{signature}",
        f"nobody.{expiry}.{signature}",
        cookie + "x",
        "é.1.é",
    ):
        assert not sessions.check(forged)
    monkeypatch.setattr("pilothouse.access.sessions.now_us", lambda: int(expiry) + 1)
    assert not sessions.check(cookie)


def test_a_session_has_the_role_of_its_key_as_it_is_now(engine: Engine) -> None:
    keys = Keys(engine)
    sessions = Sessions(keys)
    secret, principal = keys.create("viewer", "viewer")
    cookie = sessions.session_for(secret) or ""
    found = sessions.check(cookie)
    assert found is not None
    assert found.role == "viewer"
    keys.update(principal.key_id, KeyChange(role="caller"))
    assert sessions.check(cookie) is None
    keys.update(principal.key_id, KeyChange(role="editor"))
    assert sessions.check(cookie) is not None
    keys.rotate(principal.key_id, 60)
    assert sessions.check(cookie) is None


def test_the_console_of_a_project_is_for_its_keys(engine: Engine) -> None:
    keys = Keys(engine)
    keys.set_master("ph-master")
    Tenants(engine).create("project", "shop", TenantSettings(name="Shop"))
    secret, _ = keys.create("of shop", "admin", KeySettings(project_id="shop"))
    assert Sessions(keys).session_for(secret) is None
    assert Sessions(keys, project_id="shop").session_for(secret) is not None
    assert Sessions(keys, project_id="shop").session_for("ph-master") is not None


@pytest.mark.parametrize("rules", [{"networks": ["10.0.0.0/8"]}, {"endpoints": ["/v1/*"]}])
def test_a_key_that_is_bound_is_not_for_a_browser(engine: Engine, rules: dict[str, list[str]]) -> None:
    keys = Keys(engine)
    sessions = Sessions(keys)
    secret, principal = keys.create("x", "admin")
    cookie = sessions.session_for(secret) or ""
    keys.update(principal.key_id, KeyChange(policy=PolicyRules.model_validate(rules)))
    assert sessions.session_for(secret) is None
    assert sessions.check(cookie) is None


def test_a_member_has_a_session_for_as_long_as_they_are_one(engine: Engine) -> None:
    keys, members = Keys(engine), Members(engine)
    keys.set_master("ph-master")
    sessions = Sessions(keys)
    for subject, role in (("ada@acme.test", "viewer"), ("bot", "caller")):
        members.put("default", subject, role)  # type: ignore[arg-type]
    keys.reload()
    assert sessions.session_of("nobody") is None
    assert sessions.session_of("bot") is None
    cookie = sessions.session_of("ada@acme.test") or ""
    found = sessions.check(cookie)
    assert found is not None
    assert (found.key_id, found.role) == ("member:ada@acme.test", "viewer")
    members.remove("default", "ada@acme.test")
    keys.reload()
    assert sessions.check(cookie) is None
    members.put("default", "ada@acme.test", "viewer")
    keys.reload()
    assert sessions.check(cookie) is not None
    keys.set_master("ph-another")
    assert sessions.check(cookie) is None


def test_a_note_comes_back_as_it_was_and_is_no_session(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys(engine)
    sessions = Sessions(keys)
    assert sessions.note("x", 60) is None
    keys.set_master("ph-master")
    note = sessions.note("ä.b;c", 60) or ""
    session = sessions.session_for("ph-master") or ""
    assert sessions.noted(note) == "ä.b;c"
    assert sessions.check(note) is None
    assert sessions.noted(session) is None
    assert sessions.noted(note[:-1]) is None
    later = now_us() + 61_000_000
    monkeypatch.setattr("pilothouse.access.sessions.now_us", lambda: later)
    assert sessions.noted(note) is None
