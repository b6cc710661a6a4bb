"""The command line as a person meets it: a real process, its words and its exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pilothouse.__main__ import main
from pilothouse.cli.main import COMMANDS


def run(*args: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    command = [sys.executable, "-m", "pilothouse", *args]
    return subprocess.run(
        command, cwd=cwd, env={**clean, **env}, capture_output=True, text=True, check=False, timeout=120
    )


def test_help_lists_every_command(tmp_path: Path) -> None:
    shown = run("--help", cwd=tmp_path)
    assert shown.returncode == 0
    assert all(f"  {name} " in shown.stdout for name in COMMANDS)


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_explains_itself(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["pilothouse", command, "--help"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in (0, None)
    assert capsys.readouterr().out.startswith(f"Usage: pilothouse {command} ")


def test_wrong_usage_is_exit_code_2(tmp_path: Path) -> None:
    assert run("fly", cwd=tmp_path).returncode == 2
    assert run("up", "--port", "many", cwd=tmp_path).returncode == 2
    assert run("up", "--port", "70000", cwd=tmp_path).returncode == 2


@pytest.mark.parametrize(
    ("args", "env", "words"),
    [
        (["check"], {"PILOTHOUSE_PORT": "eighty"}, "PILOTHOUSE_PORT='eighty' cannot be read"),
        (["rag", "ask", "why?", "--corpus", "gone"], {}, "There is no corpus 'gone'"),
        (["rag", "ingest", "missing-folder"], {}, "missing-folder: there is no such file or folder"),
        (["traces", "show", "0123"], {}, "0123"),
        (["jobs", "show", "nope"], {}, "There is no job 'nope'"),
        (["demo", "--docs", "missing"], {}, "missing: there is no such folder"),
        (["--config", "missing.yaml", "up"], {}, "missing.yaml: there is no such file"),
        (["up", "--port", "0"], {"PILOTHOUSE_DATABASE_URL": "postgresql://127.0.0.1:9/x"}, "127.0.0.1:9"),
    ],
)
def test_an_error_is_a_sentence_and_exit_code_1(
    tmp_path: Path, args: list[str], env: dict[str, str], words: str
) -> None:
    done = run(*args, cwd=tmp_path, **env)
    assert done.returncode == 1, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_init_then_check(tmp_path: Path) -> None:
    assert run("init", cwd=tmp_path).returncode == 0
    again = run("init", cwd=tmp_path)
    assert again.returncode == 1
    assert "--force" in again.stderr
    checked = run("check", "--json", cwd=tmp_path)
    assert checked.returncode == 0
    findings = {row["subject"]: row["result"] for row in json.loads(checked.stdout)}
    assert findings["configuration"] == findings["database"] == "ok"


def test_check_tells_a_typo_with_file_line_and_key(tmp_path: Path) -> None:
    (tmp_path / "pilothouse.yaml").write_text("providers: {}\nmodles: {}\n")
    checked = run("check", cwd=tmp_path)
    assert checked.returncode == 1
    flat = " ".join(checked.stdout.split())
    assert "pilothouse.yaml:2: modles: unknown key; did you mean 'models'?" in flat
    started = run("up", "--port", "0", cwd=tmp_path)
    assert started.returncode == 1
    assert "pilothouse.yaml:2: modles" in started.stderr


def test_check_names_a_missing_secret(tmp_path: Path) -> None:
    (tmp_path / "pilothouse.yaml").write_text("providers:\n  openai: {api_key: ${NO_SUCH_SECRET}}\n")
    checked = run("check", "--json", cwd=tmp_path)
    assert checked.returncode == 1
    assert "NO_SUCH_SECRET is not set" in checked.stdout


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("up", "--port", str(port), cwd=tmp_path)
    assert done.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}" in done.stderr
