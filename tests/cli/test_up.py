import logging
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pilothouse.cli.context import Context
from pilothouse.cli.up import up
from pilothouse.settings import Settings


class Served:
    """A platform whose server serves one configuration after another, and ends."""

    address = "http://127.0.0.1:1"

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *_: object) -> None: ...

    def server(self, *_: object) -> "Served":
        return self

    def first_key(self) -> str:
        return "ph-first"

    def run(self) -> None:
        logging.getLogger("pilothouse.config").info("Snapshot %d by %s serves", 2, "ada")


@pytest.fixture
def log() -> Any:
    log = logging.getLogger("pilothouse.config")
    before = log.level, list(log.handlers)
    yield log
    log.level, log.handlers[:] = before


@pytest.mark.usefixtures("log")
def test_the_key_is_told_once_and_each_configuration_that_serves(tmp_path: Path) -> None:
    context = Context(Settings(home=tmp_path), lambda _: Served())  # type: ignore[arg-type, return-value]
    done = CliRunner().invoke(up, [], obj=context)
    assert done.exit_code == 0, done.output
    assert "Pilothouse is up at http://127.0.0.1:1" in done.stdout
    assert "ph-first" in done.stdout
    assert done.stderr == "Snapshot 2 by ada serves\n"
