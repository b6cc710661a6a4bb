"""`pilothouse budgets` over a real store."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pilothouse.access import Actor
from pilothouse.access.shapes import KeySettings, TenantChange
from pilothouse.app import Platform, build
from pilothouse.call import Reservation, Span
from pilothouse.cli.budgets import budgets
from pilothouse.cli.context import Context
from pilothouse.config import Budget
from pilothouse.ids import new_id, new_span_id, now_us
from pilothouse.settings import Settings
from pilothouse.types import Usage

CONFIG = "models: {fast: {deployments: [{provider: builtin, model: echo}], budgets: [{tokens: 400, period: day}]}}"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    config = tmp_path / "pilothouse.yaml"
    config.write_text(CONFIG)
    return Settings(home=tmp_path / "home", config=config)


def run(settings: Settings, *arguments: str) -> str:
    env = {"COLUMNS": "200"}
    done = CliRunner(env=env).invoke(budgets, ["list", *arguments], obj=Context(settings, build), standalone_mode=False)
    assert done.exception is None, done.output
    return done.output


def spend(platform: Platform, account: str, at: int) -> None:
    """A call that cost 0.9 USD and 120 tokens, and one that runs and may cost 0.05 USD and 100 tokens."""
    accounts = [account, "model:default/fast"]
    platform.recorder.record(
        Span(
            id=new_span_id(), trace_id=new_id(), project_id="default", name="chat", kind="llm", start_us=at, end_us=at,
            usage=Usage(100, 20), cost_nano=900_000_000, charge_id=new_id(), accounts=accounts,
        )
    )  # fmt: skip
    running = Reservation(new_id(), "default", "t", at, at + 60_000_000, accounts, 50_000_000, 100)
    platform.recorder.record(running)


def test_every_budget_with_what_is_spent_and_held_the_fullest_first(settings: Settings) -> None:
    assert "No budgets" in run(settings, "--project", "none")
    with build(settings, serving=False) as platform:
        budget = Budget(usd=1)  # type: ignore[call-arg]
        by = Actor("ada", "cli")
        _, key = platform.keys.create("[b]app", "caller", KeySettings(budgets=(budget,)), by=by)
        platform.tenants.update("organisation", "default", TenantChange(budgets=[Budget(usd=7)]), by=by)  # type: ignore[call-arg]
        spend(platform, f"key:{key.key_id}", now_us())
        platform.drainer.flush()
        rows: list[dict[str, Any]] = json.loads(run(settings, "--json"))
        shown = run(settings, "--prefix", "key:")
    assert [(row["account"], row["unit"], row["spent"], row["held"], row["state"]) for row in rows] == [
        (f"key:{key.key_id}", "usd", 900_000_000, 50_000_000, "alert"),
        ("model:default/fast", "tokens", 120, 100, "ok"),
        ("org:default", "usd", 0, 0, "ok"),
    ]
    assert [row["share"] for row in rows] == [0.95, 0.55, 0.0]
    for part in ("[b]app", "$0.900000", "$0.050000", "$1.0000", "95.0%", "alert"):
        assert part in shown
    assert "model:" not in shown
