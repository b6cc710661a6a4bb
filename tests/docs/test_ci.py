"""The workflow of docs/ci.md: it is YAML, its commands are there, and nothing that others wrote gets into a command."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import click
import yaml

from pilothouse.cli.main import cli
from pilothouse.settings import Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ci.md").read_text()
BLOCKS = [yaml.safe_load(block) for block in re.findall(r"^```yml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)]


def workflow() -> Any:
    (found,) = [block for block in BLOCKS if "jobs" in block]
    return found


def steps() -> list[Any]:
    return [step for job in workflow()["jobs"].values() for step in job["steps"]]


def test_it_is_a_workflow() -> None:
    found = workflow()
    assert found[True] == {"pull_request": None, "push": {"branches": ["main"]}}  # YAML 1.1 reads `on` as true
    assert found["permissions"] == {"contents": "read", "pull-requests": "write"}
    for step in steps():
        assert ("run" in step) != ("uses" in step), step
        assert re.fullmatch(r"actions/[\w/-]+@v\d+", step.get("uses", "actions/x@v1"))


def test_its_commands_and_options_are_there() -> None:
    lines = [line for step in steps() for line in step.get("run", "").splitlines() if line.startswith("pilothouse ")]
    assert lines
    for line in lines:
        command: click.Command = cli
        words = shlex.split(line)[1:]
        while isinstance(command, click.Group):
            found = command.get_command(click.Context(command), words.pop(0))
            assert found is not None, line
            command = found
        command.make_context(command.name, words, resilient_parsing=False)
        files = [word for word in words if word.endswith(".yaml")]
        assert all(f"cat > {file}" in PAGE for file in files)


def test_what_it_installs_and_sets_is_there() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    (install,) = [step["run"] for step in steps() if "pip install" in step.get("run", "")]
    assert set(re.findall(r"\[(\w+)\]", install)) <= extras.keys()
    variables = {f"PILOTHOUSE_{name.upper()}" for name in Settings.__dataclass_fields__}
    for block in BLOCKS:
        named = [block.get("env", {}), *(job.get("env", {}) for job in block.get("jobs", {}).values())]
        ours = {name for env in named for name in env if name.startswith("PILOTHOUSE_")}
        assert ours <= variables


def test_nothing_that_others_wrote_becomes_part_of_a_command() -> None:
    assert not [step for step in steps() if "${{" in step.get("run", "")]
    assert "pull_request_target" not in str(workflow())
