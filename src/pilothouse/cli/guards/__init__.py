"""`pilothouse guards`: policies listed, texts tried; learned ones trained, fitted to one's own traffic, measured."""

import click

from pilothouse.cli.lazy import Lazy

__all__ = ["SUBCOMMANDS", "guards"]

SUBCOMMANDS = {
    "list": "The policies that serve, and how often their guards trigger.",
    "check": "Say what the guards make of a text.",
    "marks": "Say what people's marks tell of a guard.",
    "train": "Train a head for a guard on labelled texts.",
    "calibrate": "Fit a guard's head to labelled texts of your own.",
    "report": "Say how well a guard's head tells labelled texts.",
}


class _Guards(Lazy):
    package = __name__
    commands_there = SUBCOMMANDS


@click.group(cls=_Guards)
def guards() -> None:
    """Guards: list the policies, try a text; of those that learned, train a head, fit it to your traffic, measure it.

    LABELLED is a file of JSON lines: {"text": "...", "label": 1, "group": "user 7"}. The label is 1 for what the guard
    looks for and 0 for all else; the group, which may be left out, is what stays on one side of every split.
    """
