"""Names that the pages take from elsewhere: layers and rooms of the house, commands with their options, files."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pilothouse.cli.main import COMMANDS, cli

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "pilothouse"
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
IDS = [str(page.relative_to(ROOT)) for page in PAGES]
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
COMMAND = re.compile(r"(?<!from )pilothouse ([a-z][^`#|&;\n]*)")
FILE = re.compile(r"`([a-z_0-9]+(?:/[a-z_0-9]+)*\.py)`")


def test_the_layers_are_those_that_the_linter_keeps() -> None:
    (contract,) = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    kept = [set(layer.split(" | ")) for layer in contract["layers"]]
    drawn = next(block for block in re.findall(r"```text\n(.*?)```", ARCHITECTURE, re.DOTALL) if "__main__" in block)
    names = [set(re.findall(r"(\w+)(?:/|\.py)(?=\s|$)", re.split(r"\s{5,}", line)[0])) for line in drawn.splitlines()]
    assert names == kept


def test_the_rooms_of_the_gateway_are_named() -> None:
    rooms = {path.parent.name for path in (PACKAGE / "gateway").glob("*/__init__.py")}
    assert set(re.findall(r"^\| `(\w+)/` \|", ARCHITECTURE, re.MULTILINE)) == rooms


def test_the_contract_names_every_command() -> None:
    (line,) = re.findall(r"^\| command line \| (.*)", ARCHITECTURE, re.MULTILINE)
    assert {name.removeprefix("pilothouse ") for name in re.findall(r"`([a-z ]+)`", line)} == set(COMMANDS)


def said(page: Path) -> Iterator[list[str]]:
    """The words of each command on a page, without `pilothouse`."""
    for code in CODE.findall(page.read_text()):
        yield from (words.split() for words in COMMAND.findall(code))


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_commands_and_options_are_there(page: Path) -> None:
    context = click.Context(cli)
    for words in said(page):
        command: click.Command = cli
        while isinstance(command, click.Group) and words and re.fullmatch("[a-z]+", words[0].split("|")[0]):
            found = command.get_command(context, words[0])
            assert found is not None, f"{page}: pilothouse ... {words[0]}"
            command, words = found, words[1:]
        options = {name for one in command.params for name in (*one.opts, *one.secondary_opts)} | {"--help"}
        for word in words:
            if word.startswith("--"):
                assert word.split("=")[0].rstrip(",.") in options, f"{page}: {command.name} {word}"


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_files_of_the_code_are_where_a_page_says(page: Path) -> None:
    for name in FILE.findall(page.read_text()):
        there = [ROOT / name, PACKAGE / name]
        assert any(path.exists() for path in there) or ("/" not in name and [*PACKAGE.rglob(name)]), f"{page}: {name}"
