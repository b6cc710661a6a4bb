"""The pages of the keys: what they show, what their forms do, and who may send them."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from pilothouse.access.shapes import KeySettings, NewKey, TenantSettings
from pilothouse.call import Span
from pilothouse.config import Budget, Limits
from pilothouse.errors import Unauthenticated
from pilothouse.ids import now_us
from pilothouse.types import Usage

from ..site import HOSTILE, Gateway


def make(site: Gateway, name: str = "ci", **settings: object) -> tuple[str, str]:
    """(secret, id) of a key."""
    secret, principal = site.platform.keys.create(name, "caller", KeySettings.model_validate(settings))
    return secret, principal.key_id


def spend(site: Gateway, key_id: str, nano: int | None, days_ago: int = 0) -> None:
    at = now_us() - days_ago * 86_400_000_000
    span = Span(
        id=f"s{days_ago}", trace_id=f"t{days_ago}", project_id="default", name="chat", kind="llm", start_us=at,
        end_us=at + 1, charge_id=f"c{days_ago}", accounts=[f"key:{key_id}"], cost_nano=nano, usage=Usage(70, 7),
        cost_known=nano is not None, key_id=key_id,
    )  # fmt: skip
    site.platform.recorder.record(span)
    site.platform.drainer.flush()


def test_no_keys_yet(site: Gateway) -> None:
    assert "No keys yet" in site.page("/keys")
    assert "Nothing found" in site.page("/keys?team=ml")


def test_the_list(site: Gateway) -> None:
    _, identifier = make(
        site, "frontend", budgets=[{"period": "total", "usd": 4}], limits={"requests_per_minute": 300}
    )  # fmt: skip
    spend(site, identifier, 3_500_000_000)
    page = site.page("/keys")
    assert "frontend" in page
    assert "300 requests/min" in page
    assert "$3.5000 <i>of</i> $4.0000" in page
    assert '<rect class="soft" width="875.0"' in page
    assert datetime.now(UTC).strftime("%Y-%m-%d</td>") in page


def test_what_has_no_price_is_unknown_and_not_nothing(site: Gateway) -> None:
    _, identifier = make(site)
    spend(site, identifier, None)
    page = site.page("/keys")
    assert '<td class="n"><span class="unsure" title="1 calls of unknown price">unknown</span></td>' in page
    assert '<p><span class="unsure" title="1 calls of unknown price">unknown</span>' in site.page(f"/keys/{identifier}")
    at, spent = now_us(), 3_500_000_000
    other = Span(
        id="s", trace_id="t", project_id="default", name="chat", kind="llm", start_us=at, end_us=at, key_id=identifier,
        charge_id="c", accounts=[f"key:{identifier}"], cost_nano=spent, usage=Usage(70, 7),
    )  # fmt: skip
    site.platform.recorder.record(other)
    site.platform.drainer.flush()
    assert "$3.5000 + <span" in site.page("/keys")


def test_pages_of_the_list(site: Gateway) -> None:
    for number in range(60):
        make(site, f"key {number:02}")
    first = site.page("/keys")
    older = re.search(r'rel="next" href="/console([^"]+)"', first)
    assert older is not None
    second = site.page(older[1].replace("&amp;", "&"))
    assert "key 10<" in first
    assert "key 09<" not in first
    assert "key 09<" in second
    assert 'rel="next"' not in second


def test_a_key_is_made_and_its_secret_shown_once(site: Gateway) -> None:
    site.platform.tenants.create("team", "ml", TenantSettings(name="ML"), parent="default")
    answer = site.send(
        "/keys", "/keys/new", name="nightly", role="editor", team="ml", expires="2099-01-31T12:00", cache="yes",
        models="fast, openai/*", endpoints="/v1/*", networks="10.0.0.0/8\n::1", requests_per_minute="60",
        budget_period=["day", "month"], budget_usd=["", "2.50"], budget_tokens=["", "1000"], budget_alert=["80", "50"],
    )  # fmt: skip
    assert answer.status_code == 200
    secret = re.search(r"ph-[\w-]{32}", answer.text)
    assert secret is not None
    principal = site.platform.keys.authenticate(f"Bearer {secret[0]}")
    key = site.platform.keys.get(principal.key_id)
    assert (key.name, key.role, key.team_id) == ("nightly", "editor", "ml")
    assert key.expires_us == round(datetime(2099, 1, 31, 12, tzinfo=UTC).timestamp()) * 1_000_000
    assert key.policy.models == ["fast", "openai/*"]
    assert key.policy.networks == ["10.0.0.0/8", "::1/128"]
    assert key.policy.cache
    assert key.limits == Limits(requests_per_minute=60)
    assert key.budgets == (Budget(period="month", usd=Decimal("2.5"), tokens=1000, alert_at=0.5),)
    assert secret[0] not in site.page(f"/keys/{key.id}")
    entry = site.platform.audit.list("default")[0]
    assert (entry.action, entry.source, entry.actor) == ("key.create", "console", "embedded (embedded)")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": ""}, "name: String should have at least 1 character"),
        ({"name": "x", "requests_per_minute": "many"}, "limits requests per minute"),
        ({"name": "x", "requests_per_minute": "0"}, "greater than or equal to 1"),
        ({"name": "x", "networks": "10.0.0.300"}, "does not appear to be an IPv4 or IPv6 network"),
        ({"name": "x", "models": "a*b"}, "a * may only stand at the end"),
        ({"name": "x", "expires": "tomorrow"}, "must be a date and a time"),
        ({"name": "x", "team": "none-such"}, "There is no team"),
        ({"name": "x", "role": "root"}, "role"),
        ({"name": "x", "budget_period": "day", "budget_usd": "1,5", "budget_tokens": "", "budget_alert": "80"}, "usd"),
        ({"name": "x", "budget_period": "day", "budget_usd": "1", "budget_tokens": "", "budget_alert": "e"}, "percent"),
        ({"name": "x", "budget_period": "year", "budget_usd": "1", "budget_tokens": "", "budget_alert": ""}, "period"),
    ],
)  # fmt: skip
def test_a_form_with_a_mistake_comes_back(site: Gateway, fields: dict[str, str], told: str) -> None:
    answer = site.send("/keys", "/keys/new", **{"role": "caller", "tokens_per_minute": "777", **fields})
    assert answer.status_code in (400, 404)
    assert told in answer.text
    assert 'value="777"' in answer.text
    assert site.platform.keys.list() == []


def test_a_key_is_changed_and_only_what_differs(site: Gateway) -> None:
    _, identifier = make(site, "ci", expires_us=now_us() + 3_600_123_456)
    before = site.platform.keys.get(identifier)
    page = site.page(f"/keys/{identifier}")
    fields = dict(re.findall(r'<input name="(\w+)" value="([^"]*)"', page))
    hidden = dict(re.findall(r'name="(seen|expires)" value="([^"]*)"', page))
    kept = {"name": "ci", "role": "caller", "cache": "yes", **hidden}
    answer = site.send(f"/keys/{identifier}", **{**fields, **kept, "parallel": "4"})
    assert answer.headers["location"] == f"/console/keys/{identifier}?done=changed"
    after = site.platform.keys.get(identifier)
    assert after.limits == Limits(parallel=4)
    assert after.expires_us == before.expires_us
    assert "Saved." in site.page(f"/keys/{identifier}?done=changed")
    again = re.search(r'name="seen" value="(\w+)"', site.page(f"/keys/{identifier}"))
    assert again is not None
    unchanged = site.send(f"/keys/{identifier}", **{**kept, "seen": again[1], "parallel": "4"})
    assert unchanged.headers["location"].endswith("done=unchanged")


def test_a_form_on_an_older_state_changes_nothing(site: Gateway) -> None:
    _, identifier = make(site)
    answer = site.send(f"/keys/{identifier}", seen="older", name="mine", role="caller")
    assert answer.status_code == 409
    assert "Somebody changed this key meanwhile" in answer.text
    assert 'value="mine"' in answer.text
    assert site.platform.keys.get(identifier).name == "ci"


def test_a_rotation_with_an_overlap(site: Gateway) -> None:
    old, identifier = make(site)
    answer = site.send(f"/keys/{identifier}/rotate", overlap="3600")
    new = re.search(r"ph-[\w-]{32}", answer.text)
    assert new is not None
    assert site.platform.keys.authenticate(f"Bearer {old}").key_id == identifier
    assert site.platform.keys.authenticate(f"Bearer {new[0]}").key_id == identifier
    assert "Old secret until" in site.page(f"/keys/{identifier}")
    assert site.send(f"/keys/{identifier}/rotate", overlap="7").status_code == 400
    assert site.send(f"/keys/{identifier}/rotate", overlap="0").status_code == 200
    with pytest.raises(Unauthenticated):
        site.platform.keys.authenticate(f"Bearer {old}")


def test_a_key_is_revoked_after_a_question(site: Gateway) -> None:
    secret, identifier = make(site)
    assert "Revoke the key &#39;ci&#39;?" in site.page(f"/keys/{identifier}/revoke")
    answer = site.send(f"/keys/{identifier}/revoke")
    assert answer.headers["location"] == f"/console/keys/{identifier}?done=revoked"
    with pytest.raises(Unauthenticated):
        site.platform.keys.authenticate(f"Bearer {secret}")
    page = site.page(f"/keys/{identifier}")
    assert "revoked" in page
    assert "<h2>Change</h2>" not in page
    assert identifier not in site.page("/keys")
    assert identifier in site.page("/keys?revoked=yes")


def test_the_master_key_is_rotated_alone(site: Gateway) -> None:
    site.platform.first_key()
    page = site.page("/keys/master")
    assert "/keys/master/rotate" in page
    assert "/keys/master/revoke" not in page
    assert site.send("/keys/master/revoke").status_code == 409


def test_keys_of_other_projects_are_not_there(site: Gateway) -> None:
    site.platform.tenants.create("project", "shop", TenantSettings(name="Shop"))
    given = NewKey(name="theirs", project_id="shop")
    _, principal = site.platform.keys.create("theirs", "caller", given.settings())
    assert "theirs" not in site.page("/keys")
    for path in ("", "/rotate", "/revoke"):
        assert "There is no key" in site.page(f"/keys/{principal.key_id}{path}", 404)


def test_spending_of_thirty_days(site: Gateway) -> None:
    _, identifier = make(site)
    assert "No calls." in site.page(f"/keys/{identifier}")
    spend(site, identifier, 2_000_000_000)
    spend(site, identifier, 1_000_000_000, days_ago=2)
    spend(site, identifier, 9_000_000_000, days_ago=31)
    page = site.page(f"/keys/{identifier}")
    assert '$3.0000 <span class="soft">for 2 calls' in page
    day = (datetime.now(UTC) - timedelta(days=2)).strftime("%Y-%m-%d")
    assert f'height="30.0"><title>{day}: $1.0000' in page


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_keys_are_for_administrators(site: Gateway, role: str) -> None:
    _, identifier = make(site)
    token = re.search(r'name="token" value="(\w+)"', site.page("/keys/new"))
    assert token is not None
    assert 'href="/console/keys"' in site.page("/models")
    site.act_as(role)  # type: ignore[arg-type]
    assert 'href="/console/keys"' not in site.page("/models")
    for path in ("", "/new", f"/{identifier}", f"/{identifier}/rotate", f"/{identifier}/revoke"):
        assert "Not allowed" in site.page(f"/keys{path}", 403)
    for path in ("/keys", f"/keys/{identifier}", f"/keys/{identifier}/rotate", f"/keys/{identifier}/revoke"):
        answer = site.client.post(f"/console{path}", data={"token": token[1], "name": "x", "role": "admin"})
        assert answer.status_code == 403, path
    assert site.platform.keys.get(identifier).state == "valid"


def test_hostile_names_stay_text(site: Gateway) -> None:
    name = HOSTILE.replace("\0", "")
    _, identifier = make(site, name)
    for path in ("/keys", f"/keys/{identifier}", f"/keys/{identifier}/revoke", "/audit", "/budgets"):
        page = site.page(path)
        assert "<script>document" not in page
        assert "<img" not in page
        shown = re.sub(r'value="[^"]*"', "", page)
        assert "\u202e" not in shown
