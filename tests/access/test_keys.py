"""Keys: made, checked, changed, rotated, revoked. On both databases where rows are written."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from pilothouse.access import Actor, Audit, Keys, Members, Tenants, new_key
from pilothouse.access.loaded import IN_PROCESS, LoadedKeys
from pilothouse.access.shapes import KeyChange, KeySettings, PolicyRules, TenantChange, TenantSettings
from pilothouse.config import Budget, Limits
from pilothouse.errors import Conflict, InvalidRequest, NotFound, Unauthenticated
from pilothouse.ids import now_us
from pilothouse.settings import Settings
from pilothouse.storage import Store
from pilothouse.storage.tables import api_keys

SCRIPT = Path(__file__).parent / "checking_process.py"
CLI = Actor("ada", "cli")


@pytest.fixture
def keys(store: Store) -> Keys:
    return Keys(store.control)


def refused(keys: Keys, secret: str) -> bool:
    try:
        keys.authenticate(f"Bearer {secret}")
    except Unauthenticated:
        return True
    return False


def test_a_key_is_shown_once_and_only_its_hash_is_kept(store: Store, keys: Keys) -> None:
    secret, principal = keys.create("ci")
    assert secret.startswith("ph-")
    assert Keys(store.control).authenticate(f"Bearer {secret}").key_id == principal.key_id
    with store.control.connect() as connection:
        stored = str(connection.execute(select(api_keys)).all())
    assert secret not in stored
    assert secret not in str(Audit(store.control).list())
    assert not principal.is_admin


def test_a_key_carries_all_that_it_stands_on(store: Store, keys: Keys) -> None:
    tenants = Tenants(store.control)
    monthly = Budget(usd=5)
    tenants.create("organisation", "acme", TenantSettings(name="Acme", limits=Limits(requests_per_minute=1000)))
    tenants.create("project", "shop", TenantSettings(name="Shop", budgets=[monthly]), parent="acme")
    tenants.create("team", "ml", TenantSettings(name="ML", limits=Limits(parallel=3)), parent="shop")
    keys.reload()
    settings = KeySettings(
        project_id="shop", team_id="ml", limits=Limits(tokens_per_minute=7), budgets=[monthly],
        policy=PolicyRules(models=["fast", "openai/*"], networks=["10.0.0.0/8", "::1"], cache=False),
    )  # fmt: skip
    secret, made = keys.create("app", settings=settings)
    for found in (made, Keys(store.control).authenticate(f"Bearer {secret}")):
        assert (found.org_id, found.project_id, found.team_id, found.name) == ("acme", "shop", "ml", "app")
        accounts = ["org:acme", "project:shop", "team:shop/ml", f"key:{made.key_id}"]
        assert [level.account for level in found.levels] == accounts
        assert [level.limits for level in found.levels] == [
            Limits(requests_per_minute=1000), Limits(), Limits(parallel=3), Limits(tokens_per_minute=7),
        ]  # fmt: skip
        assert [level.budgets for level in found.levels] == [(), (monthly,), (), (monthly,)]
        assert found.policy.models == ("fast", "openai/*")
        assert [str(network) for network in found.policy.networks] == ["10.0.0.0/8", "::1/128"]
        assert not found.policy.cache
        assert not found.everywhere


def test_the_principal_of_a_key_is_one_object_until_something_changes(store: Store, keys: Keys) -> None:
    secret, first = keys.create("app")
    assert keys.authenticate(f"Bearer {secret}") is first
    keys.create("another")
    assert keys.authenticate(f"Bearer {secret}") is first
    keys.update(first.key_id, KeyChange(name="renamed"))
    second = keys.authenticate(f"Bearer {secret}")
    assert (first.name, second.name) == ("app", "renamed")
    Tenants(store.control).update("project", "default", TenantChange(limits=Limits(parallel=9)))
    keys.reload()
    assert keys.authenticate(f"Bearer {secret}").levels[1].limits == Limits(parallel=9)


@pytest.mark.parametrize(
    ("given", "param"),
    [(KeySettings(project_id="none"), "project_id"), (KeySettings(team_id="none"), "team_id")],
)
def test_a_key_belongs_to_what_there_is(keys: Keys, given: KeySettings, param: str) -> None:
    with pytest.raises(NotFound, match="'none'") as caught:
        keys.create("x", settings=given)
    assert caught.value.param == param
    assert keys.list() == []


def test_the_master_key_can_be_replaced(store: Store, keys: Keys) -> None:
    assert not keys.has_master()
    keys.set_master("ph-first")
    keys.set_master("ph-second")
    keys.set_master("ph-second")
    assert keys.has_master()
    master = keys.authenticate("bearer ph-second")
    assert master.is_admin
    assert master.everywhere
    with pytest.raises(Unauthenticated, match="not known"):
        keys.authenticate("Bearer ph-first")
    assert [entry.action for entry in Audit(store.control).list()] == ["key.replace", "key.create"]


def test_the_master_key_stays(keys: Keys) -> None:
    keys.set_master("ph-first")
    with pytest.raises(Conflict, match="PILOTHOUSE_MASTER_KEY"):
        keys.revoke("master")
    with pytest.raises(Conflict, match="PILOTHOUSE_MASTER_KEY"):
        keys.update("master", KeyChange(role="caller"))


def test_a_rotated_master_key_and_its_old_secret_coming_back(keys: Keys) -> None:
    keys.set_master("ph-first")
    secret, _ = keys.rotate("master", 60)
    assert keys.authenticate(f"Bearer {secret}").everywhere
    assert keys.authenticate("Bearer ph-first").everywhere
    keys.set_master("ph-first")
    assert refused(keys, secret)
    assert keys.authenticate("Bearer ph-first").everywhere


def test_a_new_master_key_ends_those_before_everywhere(store: Store, keys: Keys) -> None:
    keys.set_master("ph-first")
    second, _ = keys.rotate("master", 3600)
    other = Keys(store.control)
    keys.set_master("ph-third")
    other.reload()
    for each in (keys, other):
        assert [refused(each, secret) for secret in ("ph-first", second, "ph-third")] == [True, True, False]


def test_a_master_key_that_is_the_secret_of_another(keys: Keys) -> None:
    secret, _ = keys.create("app")
    with pytest.raises(Conflict, match="another key"):
        keys.set_master(secret)


def test_rotation_keeps_the_key_and_its_old_secret_for_a_while(
    store: Store, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Keys(store.control)
    old, principal = keys.create("app", settings=KeySettings(limits=Limits(parallel=2)))
    new, key = keys.rotate(principal.key_id, 60)
    other.reload()
    for each in (keys, other):
        for secret in (old, new):
            found = each.authenticate(f"Bearer {secret}")
            assert (found.key_id, found.levels[-1].account) == (principal.key_id, f"key:{principal.key_id}")
            assert found.levels[-1].limits == Limits(parallel=2)
    assert key.old_until_us is not None
    assert [row.id for row in keys.list()] == [principal.key_id]
    later = key.old_until_us
    monkeypatch.setattr("pilothouse.access.keys.now_us", lambda: later)
    for each in (keys, other):
        assert refused(each, old)
        assert not refused(each, new)


def test_what_changes_for_a_key_changes_for_its_old_secret(keys: Keys) -> None:
    old, principal = keys.create("app")
    keys.rotate(principal.key_id, 60)
    assert keys.authenticate(f"Bearer {old}").role == "caller"
    keys.update(principal.key_id, KeyChange(role="viewer"))
    assert keys.authenticate(f"Bearer {old}").role == "viewer"
    keys.revoke(principal.key_id)
    assert refused(keys, old)


def test_rotation_without_overlap_and_a_second_one_end_the_secrets_before(keys: Keys) -> None:
    first, principal = keys.create("app")
    second, _ = keys.rotate(principal.key_id)
    assert refused(keys, first)
    third, _ = keys.rotate(principal.key_id, 60)
    fourth, key = keys.rotate(principal.key_id, 60)
    assert [refused(keys, secret) for secret in (first, second, third, fourth)] == [True, True, False, False]
    assert keys.get(principal.key_id).old_until_us == key.old_until_us
    for overlap in (-1, 1e9):
        with pytest.raises(InvalidRequest, match="overlap"):
            keys.rotate(principal.key_id, overlap)


def test_the_old_secret_ends_with_the_key(keys: Keys) -> None:
    soon = now_us() + 5_000_000
    _, principal = keys.create("app", settings=KeySettings(expires_us=soon))
    assert keys.rotate(principal.key_id, 3600)[1].old_until_us == soon


def test_expiry(keys: Keys, store: Store) -> None:
    secret, principal = keys.create("a", settings=KeySettings(expires_us=now_us() - 1))
    assert refused(keys, secret)
    assert refused(Keys(store.control), secret)
    assert keys.get(principal.key_id).state == "expired"
    with pytest.raises(Conflict, match="expired"):
        keys.rotate(principal.key_id)
    keys.update(principal.key_id, KeyChange(expires_us=None))
    assert not refused(keys, secret)


def test_revoking(keys: Keys, store: Store) -> None:
    secret, principal = keys.create("b")
    assert keys.revoke(principal.key_id).state == "revoked"
    assert refused(keys, secret)
    assert refused(Keys(store.control), secret)
    assert keys.list() == []
    assert [key.id for key in keys.list(revoked=True)] == [principal.key_id]
    assert keys.revoke(principal.key_id).state == "revoked"
    for change in (lambda: keys.update(principal.key_id, KeyChange(name="x")), lambda: keys.rotate(principal.key_id)):
        with pytest.raises(Conflict, match="revoked"):
            change()
    with pytest.raises(NotFound):
        keys.revoke("nobody")


def test_changing_only_what_is_given(keys: Keys, store: Store) -> None:
    Tenants(store.control).create("team", "ml", TenantSettings(name="ML"), parent="default")
    settings = KeySettings(team_id="ml", limits=Limits(parallel=1), budgets=[Budget(tokens=5)])
    secret, principal = keys.create("app", settings=settings)
    keys.update(principal.key_id, KeyChange(name="new name"))
    key = keys.update(principal.key_id, KeyChange(team_id=None, policy=PolicyRules(models=["fast"])))
    assert (key.name, key.team_id, key.limits, key.budgets) == (
        "new name", None, Limits(parallel=1), (Budget(tokens=5),),
    )  # fmt: skip
    found = keys.authenticate(f"Bearer {secret}")
    assert (found.team_id, found.policy.models) == (None, ("fast",))
    with pytest.raises(NotFound):
        keys.update(principal.key_id, KeyChange(team_id="none"))


def test_a_key_is_seen_only_within_its_project(keys: Keys, store: Store) -> None:
    Tenants(store.control).create("project", "shop", TenantSettings(name="Shop"))
    _, principal = keys.create("app", settings=KeySettings(project_id="shop"))
    assert keys.get(principal.key_id, "shop").name == "app"
    assert [key.id for key in keys.list("shop")] == [principal.key_id]
    assert keys.list("default") == []
    for attempt in (
        lambda: keys.get(principal.key_id, "default"),
        lambda: keys.revoke(principal.key_id, "default"),
        lambda: keys.rotate(principal.key_id, 0, "default"),
        lambda: keys.update(principal.key_id, KeyChange(role="admin"), "default"),
    ):
        with pytest.raises(NotFound):
            attempt()


def test_list_in_pages(keys: Keys) -> None:
    made = sorted((keys.create(f"k{n}")[1].key_id for n in range(5)), reverse=True)
    first = keys.list(limit=3)
    rest = keys.list(limit=3, before=first[-1].id)
    assert [key.id for key in (*first, *rest)] == made


def test_the_newest_keys_by_name(keys: Keys) -> None:
    made = [keys.create(f"k{n}")[1].key_id for n in range(4)]
    keys.rotate(made[2])
    keys.revoke(made[3])
    assert keys.names("default", 2) == {key: f"k{made.index(key)}" for key in sorted(made[:3], reverse=True)[:2]}
    assert keys.names("other", 9) == {}


def test_every_change_is_in_the_audit_log(keys: Keys, store: Store) -> None:
    _, principal = keys.create("app", by=CLI)
    keys.update(principal.key_id, KeyChange(role="viewer"), by=CLI)
    keys.rotate(principal.key_id, by=CLI)
    keys.revoke(principal.key_id, by=CLI)
    log = Audit(store.control).list("default")
    assert {entry.action for entry in log} == {"key.create", "key.update", "key.rotate", "key.revoke"}
    assert {(entry.actor, entry.source, entry.subject) for entry in log} == {("ada", "cli", f"key:{principal.key_id}")}
    changed = next(entry for entry in log if entry.action == "key.update")
    assert changed.before is not None
    assert changed.after is not None
    assert (changed.before["role"], changed.after["role"]) == ("caller", "viewer")
    with store.control.connect() as connection:
        hashes = connection.execute(select(api_keys.c.hash)).scalars().all()
    assert not any(secret in str(log) for secret in hashes)


def test_another_process_reads_only_what_changed(store: Store, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    other, take = Keys(store.control), LoadedKeys._take
    for n in range(50):
        keys.create(f"k{n}")
    other.reload()
    read: list[str] = []
    secret, principal = keys.create("one more")
    monkeypatch.setattr(LoadedKeys, "_take", lambda self, row: read.append(row.id) or take(self, row))
    other.reload()
    assert read == [principal.key_id]
    assert not refused(other, secret)


@pytest.fixture
def elsewhere(settings: Settings, store: Store) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(SCRIPT), settings.control_url()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def test_a_key_revoked_here_is_refused_by_the_next_request_elsewhere(
    elsewhere: subprocess.Popen[str], keys: Keys, store: Store
) -> None:
    """Under Postgres the other process waits for the notice first; under SQLite it just asks."""

    def ask(secret: str, changes: int) -> str:
        assert elsewhere.stdin is not None
        assert elsewhere.stdout is not None
        elsewhere.stdin.write(f"{secret} {changes}\n")
        elsewhere.stdin.flush()
        return elsewhere.stdout.readline().strip()

    assert ask("ph-nobody", 1) == "refused"
    old, principal = keys.create("app")
    assert ask(old, 2) == "caller"
    keys.update(principal.key_id, KeyChange(role="viewer"))
    assert ask(old, 3) == "viewer"
    new, _ = keys.rotate(principal.key_id, 60)
    assert [ask(new, 4), ask(old, 4)] == ["viewer", "viewer"]
    keys.revoke(principal.key_id)
    assert [ask(new, 5), ask(old, 5)] == ["refused", "refused"]


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "ph-nobody"])
def test_no_key_is_told_how_to_send_one(engine: Engine, header: str | None) -> None:
    with pytest.raises(Unauthenticated, match="Authorization: Bearer"):
        Keys(engine).authenticate(header)


def test_x_api_key_is_taken_as_well(engine: Engine) -> None:
    keys = Keys(engine)
    secret, principal = keys.create("anthropic client")
    assert keys.authenticate(None, secret) is principal


def test_an_unknown_key_is_not_repeated_in_the_error(engine: Engine) -> None:
    secret = new_key()
    with pytest.raises(Unauthenticated) as caught:
        Keys(engine).authenticate(f"Bearer {secret}")
    assert secret not in caught.value.message


def test_an_in_process_key_leaves_no_trace(engine: Engine) -> None:
    keys = Keys(engine)
    secret = keys.in_process()
    keys.reload()
    assert keys.authenticate(f"Bearer {secret}").is_admin
    assert not keys.has_master()
    with pytest.raises(Unauthenticated):
        Keys(engine).authenticate(f"Bearer {secret}")


def test_who_stands_behind_an_id_now(store: Store, keys: Keys) -> None:
    _, principal = keys.create("ci")
    assert keys.current(principal.key_id, "default") is principal
    keys.revoke(principal.key_id)
    assert keys.current(principal.key_id, "default") is None
    assert keys.current(IN_PROCESS, "default") is None
    keys.in_process()
    found = keys.current(IN_PROCESS, "default")
    assert found is not None
    assert found.is_admin
    assert keys.current("member:nobody@example.org", "default") is None
    Members(store.control).put("default", "ada@example.org", "caller")
    keys.reload()
    person = keys.current("member:ada@example.org", "default")
    assert person is not None
    assert (person.key_id, person.role) == ("member:ada@example.org", "caller")
