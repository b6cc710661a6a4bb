import json
from pathlib import Path

import pytest

from pilothouse.app import build
from pilothouse.cli.context import Context, in_json, plain, show_rows
from pilothouse.errors import ConfigError
from pilothouse.settings import Settings

ODD = "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize("text", ["\x1b[31m", "\r", "\x9b2J", "\u202edlrow", "\u2066", "\ud800", "\x07", "\u2028"])
def test_what_would_steer_the_terminal_is_replaced(text: str) -> None:
    assert plain(f"a{text}b") == f"a{ODD}{text[1:]}b"


@pytest.mark.parametrize(
    "text", ["10\N{NO-BREAK SPACE}000 €", "می‌خواهم", "👩‍👩‍👧", "a\tb\nc", "e\N{COMBINING ACUTE ACCENT}"]
)
def test_all_that_people_write_stays(text: str) -> None:
    assert plain(text) == text


def test_what_no_terminal_shows_is_not_cut(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    show_rows([{"id": "1", "a": "x" * 90, "b": "y" * 90}], ("id", "a", "b"), as_json=False, empty="")
    assert f"{'x' * 90}  {'y' * 90}" in capsys.readouterr().out


def test_json_says_all_and_steers_no_terminal() -> None:
    hostile = {"a": "\x1b[31m\x9b2J\u202e\ud800\x7f", "é": ["👩\u200d👧"]}
    told = in_json(hostile)
    assert json.loads(told) == hostile
    assert plain(told) == told
    assert "é" in told


def test_rows_of_hostile_text_are_plain(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([{"title": "\x1b]0;owned\x07 [bold]"}], ("title",), as_json=False, empty="")
    assert f"{ODD}]0;owned{ODD} [bold]" in capsys.readouterr().out


def test_who_only_looks_needs_no_secret(tmp_path: Path, models_dir: Path) -> None:
    file = tmp_path / "pilothouse.yaml"
    file.write_text("providers: {openai: {api_key: '${NOT_IN_THIS_SHELL}'}}\n")
    context = Context(Settings(home=tmp_path / "home", config=file, models=models_dir), build)
    with pytest.raises(ConfigError, match="NOT_IN_THIS_SHELL"):
        context.platform()
    with context.looking() as platform:
        assert platform.jobs.list() == []
