"""The pages over either database, and the console of a project that is not the first."""

from pathlib import Path

import pytest

from pilothouse.access.shapes import KeySettings, TenantSettings
from pilothouse.call import Span
from pilothouse.config import Budget
from pilothouse.ids import now_us
from pilothouse.types import Usage

from .conftest import CONFIG
from .site import gateway

PAGES = (
    "/traces", "/reviews", "/keys", "/teams", "/budgets", "/models", "/cache", "/audit", "/config", "/config/history",
    "/evals", "/evals/judges", "/evals/leaderboard",
)  # fmt: skip


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_every_page_over_either_database(tmp_path: Path, database: str, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("migrated_url") if database == "postgres" else None
    with gateway(tmp_path, CONFIG, database_url=url) as site:
        p = site.platform
        p.tenants.create("team", "ml", TenantSettings(name="ML", budgets=[Budget(tokens=50)]), parent="default")
        _, principal = p.keys.create("k", "caller", KeySettings(team_id="ml", budgets=[Budget(usd=1)]))
        account = f"key:{principal.key_id}"
        span = Span(
            id="s", trace_id="t", project_id="default", name="chat", kind="llm", start_us=now_us(), end_us=now_us(),
            charge_id="c", accounts=[account], cost_nano=250_000_000, usage=Usage(5, 5),
        )  # fmt: skip
        p.recorder.record(span)
        p.drainer.flush()
        for path in (*PAGES, f"/keys/{principal.key_id}", "/teams/team/ml"):
            page = site.page(path)
            assert "<style" not in page
            assert " style=" not in page
            assert page.count("<script") == 1
            assert 'aria-current="page"' in page
        assert "$0.250000" in site.page("/keys")
        for path in (
            "/keys?team=%00&before=%00", "/audit?actor=%00&before=%00", "/budgets?account=%00",
        ):  # fmt: skip
            site.page(path)
        for path in ("/keys/%00", "/keys/%00/revoke", "/teams/team/%00", "/models/%00", "/keys/%ff"):
            site.page(path, 404)
        gone = site.send("/teams/members/remove", "/teams/members/remove?subject=x", subject="\0")
        assert gone.status_code == 404
        assert site.send("/cache/purge", "/cache/purge", alias="\0").status_code == 303
        answer = site.send("/keys", "/keys/new", name="x", role="caller", team="\0", expires="\0", models="\0")
        assert answer.status_code == 400
        assert site.send("/config/edit", text="\0", action="save", expected="1").status_code == 400


def test_the_console_of_another_project(tmp_path: Path) -> None:
    with gateway(tmp_path, CONFIG, project="shop") as site:
        p = site.platform
        p.tenants.create("project", "shop", TenantSettings(name="Shop"))
        p.tenants.create("team", "theirs", TenantSettings(name="Theirs"), parent="default")
        p.keys.create("not-ours", "caller")
        made = site.send("/keys", "/keys/new", name="ours", role="caller", cache="yes")
        assert made.status_code == 200
        assert [key.name for key in p.keys.list("shop")] == ["ours"]
        assert "not-ours" not in site.page("/keys")
        assert "Theirs" not in site.page("/teams")
        assert "Configuration" not in site.page("/models")
        site.page("/config", 404)
        site.page("/config/edit", 404)
