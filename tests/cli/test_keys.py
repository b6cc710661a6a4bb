"""`pilothouse keys` on a home, and a server on the same home that notices."""

from pathlib import Path

import pytest

from pilothouse.access import Keys
from pilothouse.errors import Conflict, NotFound, Unauthenticated
from pilothouse.ids import now_us
from pilothouse.settings import Settings
from pilothouse.storage import open_store
from pilothouse.storage.changes import Changes

from .access import Cli


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path / "home")


def test_none_yet(cli: Cli) -> None:
    assert "No keys. Make one" in cli.said("keys", "list")
    assert cli.json("keys", "list") == []


def test_all_that_a_key_can_have(cli: Cli) -> None:
    cli.said("teams", "create", "ml")
    made = cli.json(
        "keys", "create", "app", "--role", "editor", "--team", "ml", "--expires", "30d", "--model", "fast", "--model",
        "openai/*", "--endpoint", "/v1/*", "--network", "10.0.0.0/8", "--no-cache", "--guards", "strict", "--rpm", "60",
        "--tpm", "1000",
        "--parallel", "2", "--budget", "1.5usd/day", "--budget", "100tokens/total",
    )["key"]  # fmt: skip
    assert (made["name"], made["role"], made["team_id"], made["project_id"]) == ("app", "editor", "ml", "default")
    assert made["policy"] == {
        "models": ["fast", "openai/*"], "endpoints": ["/v1/*"], "networks": ["10.0.0.0/8"], "cache": False,
        "guards": ["strict"],
    }  # fmt: skip
    assert made["limits"] == {"requests_per_minute": 60, "tokens_per_minute": 1000, "parallel": 2}
    assert [(b["period"], b.get("usd"), b.get("tokens")) for b in made["budgets"]] == [
        ("day", "1.5", None), ("total", None, 100),
    ]  # fmt: skip
    assert abs(made["expires_us"] - now_us() - 30 * 86400 * 1_000_000) < 60_000_000
    shown = cli.said("keys", "show", made["id"])
    for words in ("fast, openai/*, /v1/*", "10.0.0.0/8", "60 rpm, 1000 tpm, 2 parallel", "1.5usd/day, 100tokens/total"):
        assert words in shown


def test_only_what_is_given_changes(cli: Cli) -> None:
    made = cli.json("keys", "create", "app", "--model", "fast", "--no-cache", "--rpm", "60", "--budget", "5usd/month")
    identifier = made["key"]["id"]
    changed = cli.json("keys", "update", identifier, "--network", "::1/128", "--tpm", "5", "--name", "new")
    assert (changed["name"], changed["role"]) == ("new", "caller")
    kept = {"models": ["fast"], "endpoints": [], "networks": ["::1/128"], "cache": False, "guards": []}
    assert changed["policy"] == kept
    assert changed["limits"] == {"requests_per_minute": 60, "tokens_per_minute": 5}
    assert len(changed["budgets"]) == 1
    cleared = cli.json(
        "keys", "update", identifier, "--clear", "models", "--clear", "limits", "--clear", "budgets", "--cache",
        "--expires", "2031-01-31",
    )  # fmt: skip
    assert (cleared["policy"]["models"], cleared["policy"]["cache"]) == ([], True)
    assert (cleared["limits"], cleared["budgets"]) == ({}, [])
    assert "2031-01-31 00:00:00" in cli.said("keys", "show", identifier)
    assert cli.json("keys", "update", identifier, "--clear", "expiry")["expires_us"] is None


def test_the_secret_is_shown_once(cli: Cli) -> None:
    said = cli.said("keys", "create", "app")
    secret = next(word for word in said.split() if word.startswith("ph-") and len(word) > 10)
    assert "(shown once)" in said
    assert secret not in cli.said("keys", "list", "--revoked") + cli.said("audit", "--json")


def test_a_server_on_the_same_home_notices_at_once(cli: Cli, tmp_path: Path) -> None:
    store = open_store(Settings(home=tmp_path / "home"))
    keys, changes = Keys(store.control), Changes(store.control)
    keys.watch(changes)
    made = cli.json("keys", "create", "app")
    changes.check()
    assert keys.authenticate(f"Bearer {made['secret']}").name == "app"
    rotated = cli.json("keys", "rotate", made["key"]["id"], "--overlap", "1h")
    changes.check()
    for secret in (made["secret"], rotated["secret"]):
        assert keys.authenticate(f"Bearer {secret}").name == "app"
    assert "is revoked" in cli.said("keys", "revoke", made["key"]["id"])
    changes.check()
    for secret in (made["secret"], rotated["secret"]):
        with pytest.raises(Unauthenticated):
            keys.authenticate(f"Bearer {secret}")
    changes.close()
    store.close()


def test_list_in_pages_and_by_project(cli: Cli) -> None:
    cli.said("projects", "create", "shop")
    made = [cli.json("keys", "create", f"k{n}", "--project", "shop")["key"]["id"] for n in range(3)]
    first = cli.json("keys", "list", "--limit", "2")
    rest = cli.json("keys", "list", "--before", first[-1]["id"])
    assert {row["id"] for row in first + rest} == set(made)
    assert cli.json("keys", "list", "--project", "default") == []
    assert all(name in cli.said("keys", "list") for name in ("k0", "k1", "k2", "shop", "valid"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--budget", "5eur/month"], "write it as 100usd/month"),
        (["--budget", "1.5tokens/day"], "write it as 100usd/month"),
        (["--expires", "soon"], "write it as 30d"),
        (["--network", "10.0.0.1/8"], "networks"),
        (["--model", "a*b"], "a * may only stand at the end"),
        (["--role", "owner"], "owner"),
        (["--rpm", "0"], "0"),
    ],
)
def test_wrong_usage(cli: Cli, options: list[str], words: str) -> None:
    done = cli("keys", "create", "x", *options)
    assert done.exit_code == 2
    assert words in done.output


def test_what_is_not_there(cli: Cli) -> None:
    assert isinstance(cli("keys", "show", "none").exception, NotFound)
    assert isinstance(cli("keys", "create", "x", "--team", "none").exception, NotFound)
    made = cli.json("keys", "create", "x")["key"]["id"]
    cli.said("keys", "revoke", made)
    assert isinstance(cli("keys", "rotate", made).exception, Conflict)


def test_the_name_steers_no_terminal(cli: Cli) -> None:
    assert cli("keys", "create", "a\x1b[2Jb").exit_code == 2


def test_a_name_does_where_one_key_has_it(cli: Cli) -> None:
    made = cli.json("keys", "create", "app")["key"]["id"]
    assert cli.json("keys", "update", "app", "--rpm", "5")["limits"] == {"requests_per_minute": 5}
    assert cli.json("keys", "rotate", "app")["key"]["id"] == made
    other = cli.json("keys", "create", "app")["key"]["id"]
    for command in ("show", "revoke"):
        error = cli("keys", command, "app").exception
        assert isinstance(error, Conflict)
        assert f"2 keys are named 'app': say which by its id, such as {other}, {made}." in error.message
    cli.said("keys", "revoke", other)
    assert cli.json("keys", "show", "app")["id"] == made
    assert made in cli.said("keys", "revoke", "app")
    assert isinstance(cli("keys", "show", "app").exception, NotFound)
