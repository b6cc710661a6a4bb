"""`pilothouse evals`: datasets, runs over them, what they showed, and what people say of it."""

import click

from pilothouse.cli.lazy import Lazy

__all__ = ["SUBCOMMANDS", "evals"]

SUBCOMMANDS = {
    "run": "Run a suite.",
    "benchmark": "Put a standard benchmark from a file to a model.",
    "resume": "Go on with a run that was stopped or killed.",
    "list": "The runs there are.",
    "show": "The figures of a run, and what it found of each case.",
    "delete": "Delete a run.",
    "compare": "Two or more runs over the same cases, flips first.",
    "report": "What a run showed: text, Markdown, JUnit, JSON.",
    "datasets": "What is evaluated on: items and their versions, files in and out.",
    "evaluators": "What there is to judge with.",
    "review": "People judge what models answered: queues, votes, agreement.",
    "online": "Traffic that is scored while a server runs.",
    "sentinel": "Golden calls to every deployment: whether a vendor changed something in silence.",
    "cards": "Judges held against people, and estimates by both.",
    "leaderboard": "Who beats whom, by judges and by people.",
}


class _Evals(Lazy):
    package = __name__
    commands_there = SUBCOMMANDS


@click.group(cls=_Evals)
def evals() -> None:
    """Evaluation: numbers that can be trusted."""
