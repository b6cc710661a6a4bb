"""`pilothouse redteam`: attacks with harmless goals against what is released, and what they show."""

import click

from pilothouse.cli.lazy import Lazy

__all__ = ["SUBCOMMANDS", "redteam"]

SUBCOMMANDS = {
    "run": "Play attacks against a target.",
    "resume": "Go on with a run that was stopped or killed.",
    "report": "What a run showed: text, JSON, or an HTML page.",
    "compare": "Two runs over the same attacks, as before and after a change of policy.",
    "list": "The runs there are.",
    "attacks": "The attacks there are, and what can be done to them.",
}


class _Redteam(Lazy):
    package = __name__
    commands_there = SUBCOMMANDS


@click.group(cls=_Redteam)
def redteam() -> None:
    """Attacks with harmless goals against what is released, and what they show."""
