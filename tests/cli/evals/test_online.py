import json
from pathlib import Path

from click.testing import CliRunner, Result

from pilothouse.app import build
from pilothouse.cli.context import Context
from pilothouse.cli.evals.online import online
from pilothouse.settings import Settings


def _run(settings: Settings, *args: str) -> Result:
    return CliRunner(env={"COLUMNS": "250"}).invoke(online, args, obj=Context(settings, build))


def test_the_rules_as_a_table_and_as_json(tmp_path: Path) -> None:
    config = tmp_path / "pilothouse.yaml"
    settings = Settings(home=tmp_path / "home", config=config)
    config.write_text("{}\n")
    assert "No rules: see evals.online" in _run(settings, "status").output
    config.write_text("evals: {online: {support: {evaluators: [{use: refusal, name: polite}], enabled: false}}}\n")
    with build(settings) as platform:
        platform.scoring.tallies.add("default", "support", "polite", "skipped", "Not kept.")
    shown = _run(settings, "status")
    assert shown.exit_code == 0, shown.output
    for words in ("support (off)", "polite", "$0 of $1", "skipped: Not kept."):
        assert words in shown.output
    (rule,) = json.loads(_run(settings, "status", "--json").output)
    assert rule["counts"]["skipped"] == 1
