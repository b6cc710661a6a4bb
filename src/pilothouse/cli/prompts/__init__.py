"""`pilothouse prompts`: versions of prompts, the labels that point to them, and what protects those."""

import click

from pilothouse.cli.lazy import Lazy

__all__ = ["SUBCOMMANDS", "prompts"]

SUBCOMMANDS = {
    "list": "The prompts there are, with their labels.",
    "show": "A version: what it says, and what goes with it.",
    "create": "The next version of a prompt, from a file or from what is piped in.",
    "render": "A version with its variables filled in, as a model would get it.",
    "versions": "The versions of a prompt, the newest first.",
    "evaluate": "Judge a version beside the one that a label has.",
    "verdicts": "What evaluations of a prompt decided.",
    "promote": "Let a label, by default production, point to a version.",
    "rollback": "Let a label point to what it pointed to before.",
    "label": "The labels of a prompt; set one, or take one away.",
    "history": "Where the labels of a prompt pointed, and who moved them.",
    "requests": "Promotions that wait for a second person.",
    "approve": "Agree with a promotion that waits.",
    "reject": "Disagree with a promotion that waits.",
    "describe": "Say what a prompt is for, and tag it.",
    "archive": "Take a prompt out of the list, or back into it.",
    "optimize": "Look for a better version, on the cases of a dataset.",
    "pull": "Prompts as files, one each, for git.",
    "push": "Files that were edited as new versions.",
    "diff": "What differs between files and the registry.",
    "lint": "What a careful reader would say of a prompt: files, folders, names.",
    "usage": "What the calls of each version came to.",
    "watch": "How the versions that labels have do beside those before them.",
}


class _Prompts(Lazy):
    package = __name__
    commands_there = SUBCOMMANDS


@click.group(cls=_Prompts)
def prompts() -> None:
    """Prompts as versions that never change, and labels that move."""
