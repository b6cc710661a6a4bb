import json
from pathlib import Path

from click.testing import CliRunner, Result

from pilothouse.app import build
from pilothouse.cli.context import Context
from pilothouse.cli.evals.sentinel import sentinel
from pilothouse.errors import PilothouseError
from pilothouse.settings import Settings


def _run(settings: Settings, *args: str) -> Result:
    return CliRunner(env={"COLUMNS": "250"}).invoke(sentinel, args, obj=Context(settings, build))


def test_golden_calls_now_and_where_deployments_stand(tmp_path: Path) -> None:
    config = tmp_path / "pilothouse.yaml"
    settings = Settings(home=tmp_path / "home", config=config)
    config.write_text("{}\n")
    assert "No sentinel in this project" in _run(settings, "status").output
    assert isinstance(_run(settings, "run").exception, PilothouseError)
    config.write_text('evals: {sentinel: {models: [builtin/echo, x/y], prompts: ["Who?"], watch: [length]}}\n')
    ran = _run(settings, "run", "--deployment", "builtin/echo", "--json")
    assert ran.exit_code == 0, ran.output
    (row,) = json.loads(ran.output)
    assert (row["deployment"], row["status"], row["runs"], row["error"]) == ("builtin/echo", "learning", 1, None)
    both = _run(settings, "run")
    assert both.exit_code == 1, "one of them cannot be asked"
    assert "No model 'x/y'" in both.output
    shown = _run(settings, "status")
    for words in ("learning, 22 runs to go", "0 of 1,000", "Spent today: $0 of $1"):
        assert words in shown.output
    assert json.loads(_run(settings, "status", "--json").output)[0]["runs"] == 2
    assert "nothing to accept" in str(_run(settings, "accept", "builtin/echo").exception)
