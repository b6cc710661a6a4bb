"""`pilothouse replay` over a real store."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pilothouse.call import Span
from pilothouse.cli.context import Context
from pilothouse.cli.replay import replay
from pilothouse.ids import new_id, now_us
from pilothouse.observe import Drainer, SpoolRecorder
from pilothouse.settings import Settings
from pilothouse.storage import Spool, open_store
from pilothouse.types import Usage

CONFIG = """
providers: {pool: {kind: openai, base_url: "http://10.0.0.5/v1"}}
models:
  fast: {deployments: [{provider: pool, model: small}], exact_cache: {}}
prices: [{provider: pool, model: small, input: 1, output: 0}]
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "new.yaml").write_text(CONFIG)
    return Settings(home=tmp_path / "home", config=tmp_path / "pilothouse.yaml", models=tmp_path / "models")


def run(settings: Settings, *arguments: str) -> Result:
    context = Context(settings, lambda _: pytest.fail("the platform is not needed"))  # type: ignore[arg-type]
    new = str(settings.config.with_name("new.yaml"))
    return CliRunner().invoke(replay, ["--config", new, *arguments], obj=context)


def record(settings: Settings, hours_ago: list[float]) -> None:
    store, spool = open_store(settings), Spool.open(settings.home, 10_000_000)
    drainer = Drainer(spool, store, settings.home)
    for number, hours in enumerate(hours_ago):
        start = now_us() - int(hours * 3_600_000_000)
        span = Span(
            id=f"call{number}", trace_id=new_id(start), project_id="default", name="chat fast", kind="llm",
            start_us=start, end_us=start + 500_000, operation="chat", request_model="fast", deployment="pool/small",
            usage=Usage(2000, 10), cost_nano=2_000_000, output={"choices": []},
            input={"messages": [{"role": "user", "content": "Same question"}]},
        )  # fmt: skip
        SpoolRecorder(spool).record(span)
    drainer.flush()
    drainer.stop()
    spool.close()
    store.close()


def test_nothing_recorded(settings: Settings) -> None:
    assert "No model calls were recorded" in run(settings).stdout


def test_what_would_change(settings: Settings) -> None:
    record(settings, [0.3, 0.2, 0.1, 30])
    told = run(settings, "--since", "1d")
    assert told.exit_code == 0, told.output
    lines = [line.split() for line in told.stdout.splitlines()]
    assert lines[0][:2] == ["3", "calls,"]
    assert ["cost", "(USD)", "0.0060", "0.0020", "-66.7%", "over", "3", "calls"] in lines
    assert ["cache", "hits", "0", "2"] in lines
    report = json.loads(run(settings, "--since", "2d", "--json").stdout)
    assert (report["calls"], report["after"]["cost_nano"], report["after"]["cache_hits"]) == (
        4,
        4_000_000,
        {"exact": 2},
    )
    assert json.loads(run(settings, "--limit", "1", "--json").stdout)["calls"] == 1


def test_wrong_usage(settings: Settings) -> None:
    assert "write it as 90m, 24h, 7d or 2w" in run(settings, "--since", "yesterday").output
    (settings.config.with_name("new.yaml")).write_text("modles: {}\n")
    assert "new.yaml:1: modles: unknown key" in str(run(settings).exception)
