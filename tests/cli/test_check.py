"""What `pilothouse check` says of a configuration, with file and line."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from pilothouse.cli.check import check
from pilothouse.cli.context import Context
from pilothouse.config import Config, RagConfig
from pilothouse.settings import Settings
from pilothouse.storage import SnapshotStore, open_store


def run(settings: Settings) -> tuple[int, dict[str, list[str]]]:
    """The exit code, and what is no `ok` by result."""
    context = Context(settings, lambda _: pytest.fail("the platform is not needed"))  # type: ignore[arg-type]
    done = CliRunner().invoke(check, ["--json"], obj=context, standalone_mode=False)
    found: dict[str, list[str]] = {}
    for row in json.loads(done.stdout):
        if row["result"] != "ok":
            found.setdefault(row["result"], []).append(row["detail"])
    return done.return_value, found


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", config=tmp_path / "pilothouse.yaml", models=tmp_path / "models")


def test_a_warning_is_no_failure_and_a_problem_is(settings: Settings) -> None:
    settings.config.write_text(
        "models:\n  a:\n    deployments: [{provider: builtin, model: echo}]\n    fallbacks: [b]\n"
        "  b: {deployments: [{provider: builtin, model: echo}], fallbacks: [a]}\n"
    )
    code, found = run(settings)
    assert (code, list(found)) == (0, ["warning"])
    assert found["warning"][0].startswith(f"{settings.config}:4: models.a.fallbacks: come back to itself: a -> b -> a")
    settings.config.write_text("cache: {store: redis}\n")
    assert run(settings) == (
        1, {"problem": [f"{settings.config}:1: cache.store: redis needs PILOTHOUSE_REDIS_URL, which is not set"]}
    )  # fmt: skip


def test_alerts_that_lead_nowhere_are_told(settings: Settings) -> None:
    settings.config.write_text("alerts: {channels: {ops: {kind: slack, url: 'https://hooks.example.com/x'}}}\n")
    assert run(settings) == (0, {"warning": ["messages lead to no traces while PILOTHOUSE_PUBLIC_URL is not set"]})
    assert run(replace(settings, public_url="https://pilothouse.example.com")) == (0, {})


def test_a_file_that_does_not_serve_is_told(settings: Settings) -> None:
    settings.config.write_text("rag: {top_k: 3}\n")
    assert run(settings) == (0, {})
    store = open_store(settings)
    SnapshotStore(store.control).put(Config(rag=RagConfig(top_k=9)), author="ana", source="api")
    store.close()
    code, found = run(settings)
    assert code == 0
    assert found["warning"] == [f"1 by ana (api) serves, not {settings.config}: see pilothouse config push"]


def test_a_file_that_is_no_text_is_told(settings: Settings) -> None:
    settings.config.write_bytes(b"\xff")
    assert run(settings) == (1, {"problem": [f"{settings.config}: cannot be read as UTF-8 text"]})
