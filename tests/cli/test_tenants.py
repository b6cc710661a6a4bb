"""`pilothouse organisations`, `projects`, `teams`, `members` and `audit` on a home."""

from pathlib import Path

import pytest

from pilothouse.errors import Conflict, InvalidRequest, NotFound

from .access import Cli


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path / "home")


def test_from_the_organisation_down_to_the_team(cli: Cli) -> None:
    cli.said("organisations", "create", "acme", "--name", "ACME", "--budget", "1000usd/month")
    cli.said("projects", "create", "shop", "--organisation", "acme", "--rpm", "600")
    team = cli.json("teams", "create", "ml", "--project", "shop", "--parallel", "3")
    assert (team["project_id"], team["name"], team["limits"]) == ("shop", "ml", {"parallel": 3})
    assert [row["id"] for row in cli.json("projects", "list", "--organisation", "acme")] == ["shop"]
    assert cli.json("teams", "list", "--project", "default") == []
    for command, words in (("organisations", "1000usd/month"), ("projects", "600 rpm"), ("teams", "3 parallel")):
        assert words in cli.said(command, "list")
    changed = cli.json("teams", "update", "ml", "--project", "shop", "--tpm", "9", "--budget", "5tokens/day")
    assert changed["limits"] == {"tokens_per_minute": 9, "parallel": 3}
    cleared = cli.json("teams", "update", "ml", "--project", "shop", "--clear", "limits", "--name", "ML")
    assert (cleared["limits"], cleared["name"], len(cleared["budgets"])) == ({}, "ML", 1)
    assert "shop" in cli.said("teams", "show", "ml", "--project", "shop")
    assert "is deleted" in cli.said("teams", "delete", "ml", "--project", "shop")
    assert cli.json("projects", "update", "default", "--parallel", "1")["limits"] == {"parallel": 1}


def test_what_cannot_be(cli: Cli) -> None:
    assert isinstance(cli("teams", "create", "A/B").exception, InvalidRequest)
    assert isinstance(cli("teams", "create", "ml", "--project", "none").exception, NotFound)
    assert isinstance(cli("projects", "create", "default").exception, Conflict)
    assert isinstance(cli("organisations", "show", "none").exception, NotFound)
    assert "No teams. Make one" in cli.said("teams", "list")


def test_members(cli: Cli) -> None:
    assert "No members" in cli.said("members", "list")
    assert (
        cli.said("members", "put", "ada@acme.test", "--role", "admin") == "ada@acme.test is admin in project default.\n"
    )
    assert cli.json("members", "list")[0]["role"] == "admin"
    assert "ada@acme.test" in cli.said("members", "list")
    assert "no member" in cli.said("members", "remove", "ada@acme.test")
    assert isinstance(cli("members", "remove", "ada@acme.test").exception, NotFound)


def test_the_role_of_a_team(cli: Cli) -> None:
    assert cli.json("teams", "create", "ml", "--role", "editor")["role"] == "editor"
    assert "editor" in cli.said("teams", "list")
    assert "is what team ml is in" in cli.said("members", "put", "ada@acme.test", "--team", "ml")
    assert cli.json("keys", "create", "app", "--team", "ml")["key"]["role"] is None
    assert cli.json("teams", "update", "ml", "--role", "viewer", "--name", "ML")["role"] == "viewer"
    assert "the team's" in cli.said("keys", "list")
    assert "the team's" in cli.said("members", "list")
    assert cli.json("teams", "update", "ml", "--clear", "role")["role"] is None
    made = cli.json("keys", "create", "own", "--role", "editor", "--team", "ml")["key"]
    assert cli.json("keys", "update", made["id"], "--clear", "role")["role"] is None
    assert cli("projects", "create", "x", "--role", "viewer").exit_code == 2
    assert cli.said("members", "put", "bob@acme.test") == "bob@acme.test is viewer in project default.\n"


def test_the_audit_log(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli.said("audit") == "No changes.\n"
    monkeypatch.setenv("LOGNAME", "ada")
    cli.said("teams", "create", "ml")
    cli.said("teams", "update", "ml", "--parallel", "3")
    (changed,) = cli.json("audit", "--action", "team.update")
    assert (changed["actor"], changed["source"], changed["subject"]) == ("ada", "cli", "team:default/ml")
    lines = cli.said("audit", "--since", "1h").splitlines()
    assert len(lines) == 3
    assert any("team.update" in line and line.rstrip().endswith("limits") for line in lines)
    assert cli.json("audit", "--actor", "eve") == []
    first = cli.json("audit", "--limit", "1")
    assert len(cli.json("audit", "--before", first[0]["id"])) == 1
