"""The pages of teams, projects, organisations and members."""

import re

import pytest

from pilothouse.access.shapes import KeySettings, TenantSettings
from pilothouse.config import Limits
from pilothouse.principal import Principal, Role

from ..site import HOSTILE, Gateway


def team(site: Gateway, identifier: str = "ml", name: str = "Machine Learning") -> None:
    site.platform.tenants.create("team", identifier, TenantSettings(name=name), parent="default")


def seen(site: Gateway, path: str) -> str:
    found = re.search(r'name="seen" value="(\w+)"', site.page(path))
    assert found is not None
    return found[1]


def test_the_list(site: Gateway) -> None:
    assert "None yet" in site.page("/teams")
    assert "Nobody yet" in site.page("/teams")
    team(site)
    site.platform.members.put("default", "ada@example.org", "editor", "ml")
    page = site.page("/teams")
    for text in ("Machine Learning", "ada@example.org", "New team", "New project", "New organisation"):
        assert text in page


def test_a_team_is_made_changed_and_deleted(site: Gateway) -> None:
    made = site.send("/teams/team", "/teams/new?kind=team", id="ml", name="ML", requests_per_minute="60")
    assert made.headers["location"] == "/console/teams?done=created"
    answer = site.send(
        "/teams/team/ml", seen=seen(site, "/teams/team/ml"), name="Machine Learning", requests_per_minute="60",
        budget_period="week", budget_usd="20", budget_tokens="", budget_alert="90",
    )  # fmt: skip
    assert answer.headers["location"] == "/console/teams/team/ml?done=changed"
    found = site.platform.tenants.get("team", "ml", "default")
    assert (found.name, found.limits.requests_per_minute, found.budgets[0].alert_at) == ("Machine Learning", 60, 0.9)
    entries = site.platform.audit.list("default")
    assert [(entry.action, entry.source) for entry in entries[:2]] == [
        ("team.update", "console"), ("team.create", "console"),
    ]  # fmt: skip
    assert "<i>of</i> $20.0000 <i>per week" in site.page("/teams")
    site.platform.keys.create("k", "caller", KeySettings(team_id="ml"))
    refused = site.send("/teams/team/ml/delete")
    assert refused.status_code == 409
    assert "still has keys" in refused.text
    team(site, "other")
    assert site.send("/teams/team/other/delete").headers["location"] == "/console/teams?done=deleted"


def test_a_team_has_a_role_or_none(site: Gateway) -> None:
    site.send("/teams/team", "/teams/new?kind=team", id="ml", name="ML", role="editor")
    assert "editor, where members and keys have none of their own" in site.page("/teams/team/ml")
    site.send("/teams/members", "/teams", subject="ada@example.org", role="", team="ml")
    assert "the team&#39;s</td>" in site.page("/teams")
    site.platform.keys.reload()
    _, principal = site.platform.keys.create("k", None, KeySettings(team_id="ml"))
    assert "the team&#39;s" in site.page("/keys")
    assert principal.role == "editor"
    site.send("/teams/team/ml", seen=seen(site, "/teams/team/ml"), name="ML", role="")
    assert site.platform.tenants.get("team", "ml", "default").role is None
    assert "Role of its members" not in site.page("/teams/new?kind=project")


def test_projects_and_organisations_are_the_installations_own(site: Gateway) -> None:
    assert site.send("/teams/organisation", "/teams/new?kind=organisation", id="acme", name="Acme").status_code == 303
    made = site.send("/teams/project", "/teams/new?kind=project", id="shop", name="Shop", parent="acme")
    assert made.status_code == 303
    assert site.platform.tenants.get("project", "shop").parent == "acme"
    page = site.page("/teams/project/shop")
    assert "Shop" in page
    token = re.search(r'name="token" value="(\w+)"', page)
    assert token is not None
    site.act_as("admin")
    assert "New project" not in site.page("/teams")
    assert "Shop" not in site.page("/teams")
    assert "Acme" not in site.page("/teams")
    assert "cannot look at" in site.page("/teams/project/shop", 403)
    assert "<h2>Change</h2>" not in site.page("/teams/project/default")
    assert "Only the master key" in site.page("/teams/new?kind=project", 403)
    for path in ("/teams/project", "/teams/project/default", "/teams/organisation/default"):
        answer = site.client.post(f"/console{path}", data={"token": token[1], "id": "x", "name": "x"})
        assert answer.status_code == 403, path
    assert site.platform.tenants.get("project", "default").name == "default"
    assert site.page("/teams/new?kind=team")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"id": "Ümlaut", "name": "x"}, "id: "),
        ({"id": "x", "name": ""}, "name: "),
        ({"id": "ml", "name": "again"}, "There is a team &#39;ml&#39; already"),
    ],
)
def test_a_form_with_a_mistake_comes_back(site: Gateway, fields: dict[str, str], told: str) -> None:
    team(site)
    answer = site.send("/teams/team", "/teams/new", **fields)
    assert answer.status_code in (400, 409)
    assert told in answer.text
    assert f'value="{fields["id"]}"' in answer.text


def test_a_form_on_an_older_state_changes_nothing(site: Gateway) -> None:
    team(site)
    answer = site.send("/teams/team/ml", seen="older", name="Mine", parallel="1")
    assert answer.status_code == 409
    assert site.platform.tenants.get("team", "ml", "default").limits == Limits()


def test_members_come_and_go(site: Gateway) -> None:
    answer = site.send("/teams/members", "/teams", subject=" ada@example.org ", role="viewer", team="")
    assert answer.status_code == 303
    assert site.platform.members.list("default")[0].subject == "ada@example.org"
    wrong = site.send("/teams/members", "/teams", subject="eve", role="root", team="")
    assert wrong.status_code == 400
    assert 'value="eve"' in wrong.text
    question = "/teams/members/remove?subject=ada@example.org"
    assert "Remove ada@example.org?" in site.page(question)
    assert site.send("/teams/members/remove", question, subject="ada@example.org").status_code == 303
    assert site.platform.members.list("default") == []
    assert site.send("/teams/members/remove", question, subject="ada@example.org").status_code == 404


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_others_look_and_do_not_change(site: Gateway, role: Role) -> None:
    team(site)
    site.platform.members.put("default", "ada@example.org", "viewer")
    site.act_as(role)
    page = site.page("/teams")
    assert "Machine Learning" in page
    for text in ("New team", "Let in", "Remove", "Members", "ada@example.org"):
        assert text not in page
    page = site.page("/teams/team/ml")
    for text in ("<h2>Change</h2>", "Delete", "/console/audit", "/console/keys"):
        assert text not in page
    for path in ("/teams/new", "/teams/team/ml/delete", "/teams/members/remove?subject=x"):
        site.page(path, 403)
    for path in ("/teams/team", "/teams/team/ml", "/teams/team/ml/delete", "/teams/members", "/teams/members/remove"):
        assert site.client.post(f"/console{path}", data={"id": "x", "name": "x"}).status_code == 403, path


def test_what_is_not_there(site: Gateway) -> None:
    assert "There is no team" in site.page("/teams/team/none", 404)
    site.page("/teams/planet/earth", 400)
    site.keyring.principal = Principal("default", "k", "admin", org_id="default")
    assert site.page("/teams/organisation/default")


def test_hostile_names_stay_text(site: Gateway) -> None:
    team(site, name=HOSTILE.replace("\0", ""))
    site.platform.members.put("default", HOSTILE.replace("\0", ""), "viewer", "ml")
    for path in ("/teams", "/teams/team/ml", "/keys", "/keys/new"):
        page = site.page(path)
        assert "<script>document" not in page
        assert "<img" not in page
