"""Every example of README and docs/ is executed: `sh` blocks in one shell's order, `python` blocks against a server.

Blocks of other languages are checked where they can be (`yaml` is a configuration without complaint) and are prose
otherwise.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pilothouse.gateway.runtime import make_provider
from pilothouse.lifecycle.sanity import concerns
from pilothouse.sdk import Embedded
from pilothouse.settings import Settings
from pilothouse.snapshot import read_config
from pilothouse.yamlfile import REFERENCE

from .warm import Warm

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
IDS = [str(page.relative_to(ROOT)) for page in PAGES]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
NOT_HERE = ("make ", "git clone", "pilothouse up", "pip install")  # take minutes, or do not end: tests of their own


def blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in BLOCK.findall(page.read_text()) if kind == language]


def headings(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    titles = re.findall(r"^#+ (.*)", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warm]:
    warm = Warm(tmp_path_factory.mktemp("warm"))
    yield warm
    warm.close()


@pytest.mark.usefixtures("tracer")
@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_the_commands_run_and_the_code_answers(page: Path, tmp_path: Path, models_dir: Path, warm: Warm) -> None:
    shell, python = blocks(page, "sh"), blocks(page, "python")
    home = tmp_path / ".pilothouse"
    binaries = os.pathsep.join([str(warm.bin), str(Path(sys.executable).parent), os.environ["PATH"]])
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
def test_configurations_are_what_check_calls_good(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for block in blocks(page, "yaml"):
        for name in REFERENCE.findall(block):
            monkeypatch.setenv(name, "secret")
        config = read_config(page, block)
        assert config.models
        assert [f"{concern.place}: {concern.text}" for concern in concerns(config, Settings())] == []
        for name, provider in config.providers.items():
            make_provider(name, provider)


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", page.read_text()):
        there = page.parent / target if target else page
        assert there.exists(), f"{page}: {target}"
        assert not anchor or anchor in headings(there), f"{page}: {target}#{anchor}"


def test_there_are_examples_at_all() -> None:
    assert sum(len(blocks(page, "sh")) for page in PAGES) >= 4
