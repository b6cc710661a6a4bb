"""`pilothouse traces delete`: asked first, then done, and told."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pilothouse.access import Audit
from pilothouse.app import build
from pilothouse.call import Span
from pilothouse.cli.context import Context
from pilothouse.cli.traces import traces
from pilothouse.observe import Traces
from pilothouse.settings import Settings
from pilothouse.storage import open_store


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "home")
    with build(settings, serving=False) as platform:
        for trace_id, user in (("aa11", "ada"), ("bb22", "bob")):
            span = Span(
                id="root", trace_id=trace_id, project_id="default", name="chat", kind="llm", user_id=user,
                start_us=1_700_000_000_000_000,
            )  # fmt: skip
            platform.recorder.record(span)
    return settings


def run(settings: Settings, *arguments: str, said: str | None = None) -> Result:
    return CliRunner().invoke(traces, ["delete", *arguments], obj=Context(settings, build), input=said)


def left(settings: Settings) -> list[str]:
    store = open_store(settings)
    try:
        return [row.trace_id for row in Traces(store).list().rows]
    finally:
        store.close()


def test_it_asks_and_a_no_changes_nothing(settings: Settings) -> None:
    asked = run(settings, "--user", "ada\x1b[31m", said="n\n")
    assert asked.exit_code == 1
    assert "Delete every trace of the user ada\ufffd[31m in default, for good?" in asked.output
    assert len(left(settings)) == 2


def test_a_user_and_a_trace(settings: Settings) -> None:
    assert "Deleted: 1 traces, 1 spans, 0 scores." in run(settings, "--user", "ada", said="y\n").output
    assert left(settings) == ["bb22"]
    assert json.loads(run(settings, "--trace", "bb22", "--yes", "--json").output)["traces"] == 1
    assert left(settings) == []
    store = open_store(settings)
    assert [entry.source for entry in Audit(store.control).list("default")] == ["cli", "cli"]
    store.close()


@pytest.mark.parametrize("options", [[], ["--user", "ada", "--trace", "aa11"]])
def test_one_of_the_two_must_be_said(settings: Settings, options: list[str]) -> None:
    result = run(settings, *options, "--yes")
    assert result.exit_code == 2
    assert "Say which: --user, or --trace." in result.output
