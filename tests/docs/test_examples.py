"""Every example of README and docs/ is executed: `sh` blocks in one shell's order, `python` blocks against a server.

Blocks of other languages are checked where they can be (`yaml` is read as a configuration) and are prose otherwise.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pilothouse.sdk import Embedded
from pilothouse.settings import Settings
from pilothouse.snapshot import read_config

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
IDS = [str(page.relative_to(ROOT)) for page in PAGES]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
NOT_HERE = ("make ", "git clone", "pilothouse up", "pip install")  # take minutes, or do not end: tests of their own


def blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in BLOCK.findall(page.read_text()) if kind == language]


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_the_commands_run_and_the_code_answers(page: Path, tmp_path: Path, models_dir: Path) -> None:
    shell, python = blocks(page, "sh"), blocks(page, "python")
    home = tmp_path / ".pilothouse"
    binaries = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": binaries, "PILOTHOUSE_MODELS": str(models_dir), "PILOTHOUSE_HOME": str(home)}
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        env.pop(name, None)
    for block in shell:
        if block.strip().startswith(NOT_HERE):
            continue
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    if python:
        server = Embedded(Settings(home=home, models=models_dir))
        try:
            for block in python:
                names = {"PILOTHOUSE_URL": server.address, "PILOTHOUSE_KEY": server.key}
                exec(compile(block, str(page), "exec"), names)
        finally:
            server.close()


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_configurations_are_valid(page: Path) -> None:
    for block in blocks(page, "yaml"):
        assert read_config(page, block).models


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page}: {target}"


def test_there_are_examples_at_all() -> None:
    assert sum(len(blocks(page, "sh")) for page in PAGES) >= 4
