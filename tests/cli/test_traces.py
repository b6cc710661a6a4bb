"""`pilothouse traces` over a real store."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from click.testing import CliRunner, Result

from pilothouse.call import Span
from pilothouse.cli.context import Context
from pilothouse.cli.traces import traces
from pilothouse.errors import NotFound
from pilothouse.observe import Drainer, Prices, SpoolRecorder, Traces
from pilothouse.observe.scores import Score, Scores
from pilothouse.settings import Settings
from pilothouse.storage import Spool, open_store
from pilothouse.types import Usage

START = 1_700_000_000_000_000


class _Platform:
    """What the command needs of the platform."""

    def __init__(self, home: Path) -> None:
        settings = Settings(home=home)
        self.store = open_store(settings)
        self.spool = Spool.open(home, 10_000_000)
        self.drainer = Drainer(self.spool, self.store, home)
        self.traces = Traces(self.store)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.drainer.stop()

    def close(self) -> None:
        self.spool.close()
        self.store.close()


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[_Platform]:
    platform = _Platform(tmp_path / "home")
    yield platform
    platform.close()


def run(platform: _Platform, *arguments: str) -> Result:
    context = Context(Settings(), lambda settings, **_: platform)  # type: ignore[arg-type, return-value]
    return CliRunner(env={"COLUMNS": "140"}).invoke(traces, arguments, obj=context)


def record(platform: _Platform, trace_id: str, name: str = "chat fast", **fields: object) -> None:
    root = Span(
        id="root", trace_id=trace_id, project_id="default", name=name, kind="chain", start_us=START,
        end_us=START + 250_000, versions={"corpus": "docs@3"}, manifest_id="m1",
    )  # fmt: skip
    call = Span(
        id="call", trace_id=trace_id, parent_id="root", project_id="default", name="inner call", kind="llm",
        start_us=START + 1000, end_us=START + 200_000, request_model="fast", deployment="openai/gpt-4o",
        usage=Usage(1200, 80), ttft_us=90_000, cost_nano=3_800_000, input={"messages": ["hello\x1b[31m"]},
    )  # fmt: skip
    for field, value in fields.items():
        setattr(call, field, value)
    for span in (call, root):
        SpoolRecorder(platform.spool).record(span)


def test_nothing_yet(platform: _Platform) -> None:
    assert "No traces yet" in run(platform, "list").stdout
    assert run(platform, "list", "--json").stdout.strip() == "[]"


def test_list(platform: _Platform) -> None:
    record(platform, "aa11", "ask [/] :smile: \x1b[31m")
    result = run(platform, "list")
    assert result.exit_code == 0, result.output
    assert "aa11" in result.stdout
    assert "ask [/] :smile: \ufffd[31m" in result.stdout
    assert "$0.003800" in result.stdout
    assert "1,200 → 80" in result.stdout


def test_list_as_json_and_filters(platform: _Platform) -> None:
    record(platform, "aa11")
    record(platform, "bb22", request_model="smart")
    rows = json.loads(run(platform, "list", "--json", "--model", "smart").stdout)
    assert [row["trace_id"] for row in rows] == ["bb22"]
    assert rows[0]["totals"]["cost_nano"] == 3_800_000
    assert run(platform, "list", "--status", "error").stdout.strip() == "No traces."


def test_list_narrowed(platform: _Platform) -> None:
    record(platform, "aa11", user_id="ada", feature="search", prompt="answer@3")
    platform.drainer.flush()
    Scores(platform.store).put("default", [Score(id="s", name="helpful", trace_id="aa11", value=0.2)])
    fits = ["--user ada", "--feature search", "--prompt answer", "--slower 0.25", "--dearer 0.0038",
            "--score helpful --score-most 0.5"]  # fmt: skip
    fits_not = ["--user bo", "--prompt answer@4", "--slower 0.3", "--dearer 1", "--score helpful --score-least 0.5",
                "--error timeout", "--since 1h", "--project other"]  # fmt: skip
    assert [
        options for options in (*fits, *fits_not) if "aa11" in run(platform, "list", *options.split()).stdout
    ] == fits


def test_what_list_does_not_take(platform: _Platform) -> None:
    assert "need a --score" in run(platform, "list", "--score-most", "1").stderr
    assert run(platform, "show", "aa11", "--project", "other").exit_code == 1


def test_a_long_list_says_how_to_go_on(platform: _Platform) -> None:
    for trace_id in ("aa11", "bb22"):
        record(platform, trace_id)
    result = run(platform, "list", "--limit", "1")
    assert f"--before {START}-bb22" in result.stderr
    assert "aa11" in run(platform, "list", "--before", f"{START}-bb22").stdout


def test_show(platform: _Platform) -> None:
    record(platform, "aa11")
    shown = run(platform, "show", "aa").stdout
    assert "Trace aa11  2 spans · 250 ms · 1,200 → 80 tokens · $0.003800" in shown
    assert "└─ inner call llm" in shown
    assert "90 ms" in shown
    assert "openai/gpt-4o" in shown
    assert "Made by  corpus docs@3" in shown
    assert "hello" not in shown


def test_show_last_with_payload(platform: _Platform) -> None:
    record(platform, "aa11")
    shown = run(platform, "show", "last", "--payload").stdout
    assert "inner call · input" in shown
    assert "hello" in shown
    assert "\x1b" not in shown


def test_show_as_json(platform: _Platform) -> None:
    record(platform, "aa11")
    trace = json.loads(run(platform, "show", "aa11", "--json").stdout)
    assert trace["spans"][1]["attributes"]["gen_ai.request.model"] == "fast"
    assert "input" not in trace["spans"][1]
    assert json.loads(run(platform, "show", "aa11", "--json", "--payload").stdout)["spans"][1]["input"]


def test_errors_and_unknown_prices(platform: _Platform) -> None:
    record(
        platform, "aa11", status="error", error_code="provider_timeout", error_message="no [answer]", cost_nano=None,
        cost_known=False,
    )  # fmt: skip
    shown = run(platform, "show", "aa11").stdout
    assert "provider_timeout: no [answer]" in shown
    assert "unknown" in shown


def test_an_unknown_trace(platform: _Platform) -> None:
    assert isinstance(run(platform, "show", "zz").exception, NotFound)


@pytest.mark.parametrize("width", ["20", "60", "100", "200"])
def test_any_width(platform: _Platform, width: str) -> None:
    record(platform, "aa11")
    context = Context(Settings(), lambda settings, **_: platform)  # type: ignore[arg-type, return-value]
    result = CliRunner(env={"COLUMNS": width}).invoke(traces, ["show", "last"], obj=context)
    assert result.exit_code == 0
    assert "250 ms" in result.stdout


def test_a_trace_is_explained(platform: _Platform) -> None:
    call = Span(
        id="call", trace_id="t1", project_id="default", name="chat fast", kind="llm", start_us=START,
        end_us=START + 90_000, request_model="fast", deployment="openai/gpt-4o", status="error",
        error_code="provider_timeout", error_message="No answer.\x1b[2J", attributes={"routing": "cheapest"},
    )  # fmt: skip
    SpoolRecorder(platform.spool).record(call)
    platform.prices = Prices()  # type: ignore[attr-defined]
    shown = run(platform, "explain", "last")
    assert shown.exit_code == 0, shown.output
    assert "the cheapest of the alias" in " ".join(shown.output.split())
    assert "provider_timeout: No answer." in shown.output
    assert "\x1b[2J" not in shown.output
    (told,) = json.loads(run(platform, "explain", "last", "--json").output)
    assert [reason["topic"] for reason in told["reasons"]] == ["deployment", "outcome"]


def test_nothing_to_explain(platform: _Platform) -> None:
    bare = Span(id="a", trace_id="t1", project_id="default", name="a", kind="tool", start_us=START, end_us=START)
    SpoolRecorder(platform.spool).record(bare)
    platform.prices = Prices()  # type: ignore[attr-defined]
    assert "Nothing was recorded" in run(platform, "explain", "t1").output


def test_export_into_files_and_to_the_terminal(platform: _Platform, tmp_path: Path) -> None:
    record(platform, "t1", user_id="ada")
    record(platform, "t2", user_id="bo")
    shown = run(platform, "export", str(tmp_path / "all.jsonl"))
    assert "2 traces" in shown.stderr
    assert len((tmp_path / "all.jsonl").read_text().splitlines()) >= 2
    lines = run(platform, "export", "-", "--user", "ada").stdout.splitlines()
    assert {json.loads(line)["trace_id"] for line in lines} == {"t1"}
    assert run(platform, "export", str(tmp_path / "some.parquet"), "--limit", "1").exit_code == 0
    assert (tmp_path / "some.parquet").read_bytes()[:4] == b"PAR1"
    assert run(platform, "export", "-", "--format", "parquet").exit_code == 2
