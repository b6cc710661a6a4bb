"""The page of the audit log."""

import re
from datetime import UTC, datetime

import pytest

from pilothouse.access.audit import Actor
from pilothouse.access.shapes import KeyChange, KeySettings, TenantSettings
from pilothouse.config import Limits
from pilothouse.principal import Role

from ..site import HOSTILE, Gateway

ADA = Actor("ada", "cli")


def shown(page: str) -> list[str]:
    return re.findall(r"<b>([\w.]+)</b>", page.split("<main>")[1])


def test_what_changed(site: Gateway) -> None:
    _, principal = site.platform.keys.create("frontend", "caller", KeySettings(), by=ADA)
    change = KeyChange(limits=Limits(parallel=4), expires_us=4_102_444_800_000_000)
    site.platform.keys.update(principal.key_id, change, by=ADA)
    page = site.page("/audit")
    assert shown(page)[:2] == ["key.update", "key.create"]
    assert f'href="/console/keys/{principal.key_id}"' in page
    assert "limits.parallel" in page
    assert "2100-01-01 00:00:00 UTC" in page
    update = page.split("<li class")[1]
    assert "project_id" not in update  # it did not change
    assert "frontend" in update


def test_filters(site: Gateway) -> None:
    site.platform.keys.create("a", "caller", KeySettings(), by=ADA)
    site.platform.tenants.create("team", "ml", TenantSettings(name="ML"), parent="default", by=Actor("eve", "api"))
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    for query, found in (
        ("actor=ada", ["key.create"]), ("source=api", ["team.create"]), ("action=key.*", ["key.create"]),
        ("subject=team:*", ["team.create"]), (f"day={today}&action=team.*", ["team.create"]),
        ("day=nonsense&actor=ada", ["key.create"]),
    ):  # fmt: skip
        assert shown(site.page(f"/audit?{query}")) == found, query
    for query in ("day=2001-01-01", "actor=%00x", "action=%25", "subject=key:none"):
        assert "Nothing found" in site.page(f"/audit?{query}"), query


def test_pages(site: Gateway) -> None:
    for number in range(60):
        site.platform.members.put("default", f"m{number:02}", "viewer", by=ADA)
    first = site.page("/audit?actor=ada")
    older = re.search(r'href="/console([^"]+)" rel="next"', first)
    assert older is not None
    second = site.page(older[1].replace("&amp;", "&"))
    assert (len(shown(first)), len(shown(second))) == (50, 10)
    assert "member:m09" in second


def test_whoever_keeps_a_project_sees_its_entries_alone(site: Gateway) -> None:
    site.platform.tenants.create("organisation", "acme", TenantSettings(name="Acme"), by=ADA)
    site.platform.tenants.create("project", "shop", TenantSettings(name="Shop"), by=ADA)
    assert {"organisation.create", "project.create"} <= set(shown(site.page("/audit")))
    site.act_as("admin")
    assert shown(site.page("/audit")) == ["config.put"]


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_it_is_for_administrators(site: Gateway, role: Role) -> None:
    site.act_as(role)
    assert "Not allowed" in site.page("/audit", 403)
    assert 'href="/console/audit"' not in site.page("/models")


@pytest.mark.parametrize("path", ["/audit", "/audit?actor=" + "x" * 3000])
def test_hostile_text_stays_text(site: Gateway, path: str) -> None:
    hostile = HOSTILE.replace("\0", "")
    site.platform.tenants.create("team", "ml", TenantSettings(name=hostile), parent="default", by=Actor(hostile, "cli"))
    page = site.page(path)
    assert "<script>document" not in page
    assert "<img" not in page
