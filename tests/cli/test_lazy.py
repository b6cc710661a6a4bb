import subprocess
import sys
from typing import ClassVar

from click.testing import CliRunner

from pilothouse.cli.lazy import Lazy


class _Group(Lazy):
    package = "pilothouse.cli"
    commands_there: ClassVar = {"jobs": "Background work.", "never-made": "Has no module."}


def test_the_help_lists_what_is_there_and_imports_none_of_it() -> None:
    told = CliRunner().invoke(_Group("some"), ["--help"])
    assert told.exit_code == 0
    assert "never-made  Has no module." in told.output  # importing it would have failed


def test_a_command_is_found_in_its_module_and_no_other_name_is() -> None:
    assert CliRunner().invoke(_Group("some"), ["jobs", "--help"]).exit_code == 0
    unknown = CliRunner().invoke(_Group("some"), ["audit", "--help"])
    assert unknown.exit_code == 2
    assert "No such command 'audit'" in unknown.output


def test_the_help_of_the_whole_command_loads_no_command() -> None:
    code = "import sys, pilothouse.cli.main; print(*[n for n in sys.modules if n.startswith('pilothouse.cli.')])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert set(loaded) <= {"pilothouse.cli.main", "pilothouse.cli.context", "pilothouse.cli.lazy"}
