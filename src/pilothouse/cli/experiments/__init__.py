"""`pilothouse experiments`: calls split over versions or models, and what that showed."""

import click

from pilothouse.cli.lazy import Lazy

__all__ = ["SUBCOMMANDS", "experiments"]

SUBCOMMANDS = {
    "list": "The experiments there are.",
    "create": "Make one from a file.",
    "show": "One of them: arms, intervals, the decision.",
    "start": "Begin to split calls.",
    "stop": "End it: all calls get what they would without it.",
    "decide": "End it in favour of an arm, which is rolled out.",
    "plan": "How many units an experiment in a file will need.",
}


class _Experiments(Lazy):
    package = __name__
    commands_there = SUBCOMMANDS


@click.group(cls=_Experiments)
def experiments() -> None:
    """Experiments: calls split over versions or models, and what that showed."""
