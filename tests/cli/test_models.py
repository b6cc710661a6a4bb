"""`pilothouse models` works on the models folder alone; no platform is built."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pilothouse.cli.context import Context
from pilothouse.cli.models import models, showing_progress
from pilothouse.errors import ConfigError, ModelFilesError
from pilothouse.settings import Settings

CONFIG = """
providers:
  pool: {kind: openai, base_url: "http://127.0.0.1:8000/v1"}
models:
  fast: {deployments: [{provider: pool, model: small}, {provider: pool, model: tiny}]}
  auto: {strategy: complexity, simple: fast, complex: fast}
"""


def run(models_dir: Path, *arguments: str, config: Path = Path("none.yaml")) -> Result:
    def build(settings: Settings) -> Any:
        raise AssertionError("the platform was built")

    context = Context(Settings(models=models_dir, config=config), build)
    return CliRunner().invoke(models, arguments, obj=context)


def test_pull_says_where_the_encoder_is(models_dir: Path) -> None:
    result = run(models_dir, "pull")
    assert result.exit_code == 0
    assert result.stdout == f"The encoder {fingerprint(models_dir)} is ready in {models_dir / 'all-MiniLM-L6-v2'}.\n"


def fingerprint(models_dir: Path) -> str:
    manifest = json.loads((models_dir / "all-MiniLM-L6-v2" / "manifest.json").read_text())
    return str(manifest["fingerprint"])


def test_list_as_json(models_dir: Path, tmp_path: Path) -> None:
    config = tmp_path / "pilothouse.yaml"
    config.write_text(CONFIG)
    encoder, alias, auto = json.loads(run(models_dir, "list", "--json", config=config).stdout)
    assert encoder["name"] == "all-MiniLM-L6-v2"
    assert encoder["state"] == "ready"
    assert encoder["fingerprint"] == fingerprint(models_dir)
    assert set(encoder) == {"kind", "name", "version", "size", "fingerprint", "state", "path"}
    assert alias == {"kind": "alias", "name": "fast", "deployments": "pool/small, pool/tiny"}
    assert auto["deployments"] == "fast or fast"


def test_list_for_people(tmp_path: Path) -> None:
    result = run(tmp_path, "list")
    assert result.exit_code == 0
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["name", "kind", "state", "size", "deployments"],
        ["all-MiniLM-L6-v2", "encoder", "absent", "0"],
    ]


def test_a_broken_configuration_is_said(tmp_path: Path) -> None:
    config = tmp_path / "pilothouse.yaml"
    config.write_text("modles: {}")
    assert isinstance(run(tmp_path, "list", config=config).exception, ConfigError)


@pytest.mark.parametrize("arguments", [("pull",), ("pull", "--force"), ("import", "nowhere")])
def test_failures_are_errors_of_the_tree(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PILOTHOUSE_OFFLINE", "1")
    result = run(tmp_path, *arguments)
    assert isinstance(result.exception, ModelFilesError)


def test_each_step_is_said_once_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with showing_progress() as progress:
        for done in range(3):
            progress(done, 3, "fetching")
        progress(0, 0, "building")
    assert capsys.readouterr().err == "fetching...\nbuilding...\n"


def test_a_terminal_gets_a_bar_with_bytes(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with showing_progress() as progress:
        progress(40_000_000, 80_000_000, "fetching")
        progress(0, 0, "building")
    error = capsys.readouterr().err
    assert "40.0/80.0 MB" in error
    assert "building" in error
