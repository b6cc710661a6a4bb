"""`pilothouse guards`: the learned ones trained, fitted to one's own traffic, and measured."""

import click

from pilothouse.cli.lazy import Lazy

__all__ = ["guards"]


class _Commands(Lazy):
    package = "pilothouse.cli.guards"
    commands_there = {
        "train": "Train a head for a guard on labelled texts.",
        "calibrate": "Fit a guard's head to labelled texts of your own.",
        "report": "Say how well a guard's head tells labelled texts.",
    }


@click.group(cls=_Commands)
def guards() -> None:
    """Guards that learned: train a head, fit it to your traffic, measure it.

    LABELLED is a file of JSON lines: {"text": "...", "label": 1, "group": "user 7"}. The label is 1 for what the guard
    looks for and 0 for all else; the group, which may be left out, is what stays on one side of every split.
    """
