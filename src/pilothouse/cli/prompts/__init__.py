"""`pilothouse prompts`: what is released, by which label, and whether it is fit for that."""

import click

from pilothouse.cli.lazy import Lazy

__all__ = ["SUBCOMMANDS", "prompts"]

SUBCOMMANDS = {
    "lint": "What a careful reader would say of a prompt: files, folders, names.",
    "usage": "What the calls of each version came to.",
}


class _Prompts(Lazy):
    package = __name__
    commands_there = SUBCOMMANDS


@click.group(cls=_Prompts)
def prompts() -> None:
    """Prompts: versions, labels, and what is said of them."""
