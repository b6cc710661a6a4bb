"""`--fail-on` of any command."""

import click
from click.testing import CliRunner

from pilothouse.cli.evals.gating import enforce, fail_on
from pilothouse.evals.reports.gates import Gate, GateResult


@click.command()
@fail_on
def told(gates: list[Gate]) -> None:
    enforce(GateResult(text=one.text, passed=one.limit < 1, sentence="Because\x1b.") for one in gates)
    click.echo("after")


def test_each_gate_that_failed_is_told_and_the_command_ends() -> None:
    found = CliRunner().invoke(told, ["--fail-on", "a < 0.5", "--fail-on", "b  <  2"])
    assert (found.exit_code, found.stdout, found.stderr) == (1, "", "Failed: b < 2: Because�.\n")
    assert CliRunner().invoke(told, ["--fail-on", "a < 0.5"]).stdout == "after\n"
    assert CliRunner().invoke(told, ["--fail-on", "a"]).exit_code == 2
