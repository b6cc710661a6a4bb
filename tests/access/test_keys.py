from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update

from pilothouse.access import Keys, Sessions, new_key
from pilothouse.errors import Unauthenticated
from pilothouse.ids import now_us
from pilothouse.settings import Settings
from pilothouse.storage import open_store
from pilothouse.storage.tables import api_keys


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_store(Settings(home=tmp_path)).control


def test_a_key_is_shown_once_and_only_its_hash_is_kept(engine: Engine) -> None:
    key, principal = Keys(engine).create("ci")
    assert key.startswith("ph-")
    assert Keys(engine).authenticate(f"Bearer {key}") == principal
    with engine.connect() as connection:
        stored = str(connection.execute(select(api_keys)).all())
    assert key not in stored
    assert not principal.is_admin


def test_the_master_key_can_be_replaced(engine: Engine) -> None:
    keys = Keys(engine)
    assert not keys.has_master()
    keys.set_master("ph-first")
    keys.set_master("ph-second")
    assert keys.has_master()
    assert keys.authenticate("bearer ph-second").is_admin
    with pytest.raises(Unauthenticated, match="not known"):
        keys.authenticate("Bearer ph-first")


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "ph-nobody"])
def test_no_key_is_told_how_to_send_one(engine: Engine, header: str | None) -> None:
    with pytest.raises(Unauthenticated, match="Authorization: Bearer"):
        Keys(engine).authenticate(header)


def test_x_api_key_is_taken_as_well(engine: Engine) -> None:
    keys = Keys(engine)
    key, principal = keys.create("anthropic client")
    assert keys.authenticate(None, key) == principal


def test_an_unknown_key_is_not_repeated_in_the_error(engine: Engine) -> None:
    secret = new_key()
    with pytest.raises(Unauthenticated) as caught:
        Keys(engine).authenticate(f"Bearer {secret}")
    assert secret not in caught.value.message


def test_expired_and_revoked_keys_end(engine: Engine) -> None:
    keys = Keys(engine)
    expired, revoked = keys.create("a")[0], keys.create("b")[0]
    with engine.begin() as connection:
        connection.execute(update(api_keys).where(api_keys.c.name == "a").values(expires_us=now_us() - 1))
        connection.execute(update(api_keys).where(api_keys.c.name == "b").values(revoked_us=now_us()))
    keys.reload()
    for key in (expired, revoked):
        with pytest.raises(Unauthenticated):
            keys.authenticate(f"Bearer {key}")


def test_an_in_process_key_leaves_no_trace(engine: Engine) -> None:
    keys = Keys(engine)
    key = keys.in_process()
    keys.reload()
    assert keys.authenticate(f"Bearer {key}").is_admin
    assert not keys.has_master()
    with pytest.raises(Unauthenticated):
        Keys(engine).authenticate(f"Bearer {key}")


def test_a_session_is_for_administrators_and_ends_with_its_key(engine: Engine) -> None:
    keys = Keys(engine)
    sessions = Sessions(keys)
    keys.set_master("ph-master")
    assert sessions.session_for("ph-wrong") is None
    assert sessions.session_for(keys.create("caller")[0]) is None
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
