from pathlib import Path

import pytest

from pilothouse.app import build
from pilothouse.errors import ConfigError
from pilothouse.settings import Settings


def test_a_schedule_that_cannot_be_read_is_refused_by_its_key(tmp_path: Path) -> None:
    config = tmp_path / "pilothouse.yaml"
    config.write_text('evals: {sentinel: {models: [builtin/echo], prompts: ["Who?"], schedule: hourly}}\n')
    with pytest.raises(ConfigError, match=r"evals\.sentinel\.schedule: 'hourly' is no cron expression"):
        build(Settings(home=tmp_path / "home", config=config))


def test_without_a_sentinel_there_is_nothing_to_show(tmp_path: Path) -> None:
    with build(Settings(home=tmp_path / "home")) as platform:
        assert platform.sentinel.standing.shown("default") == {"enabled": False, "deployments": []}
