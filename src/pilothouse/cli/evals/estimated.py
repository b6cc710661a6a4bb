"""What commands say of the cost of a run before it begins, and whether it may begin."""

import sys
from typing import TYPE_CHECKING

import click

from pilothouse.cli.context import in_json, plain, show_rows
from pilothouse.errors import ConfigError

if TYPE_CHECKING:
    from pilothouse.evals.runs.estimate import Estimate

__all__ = ["agree", "say_estimate"]


def agree(told: "Estimate", *, yes: bool) -> None:
    """Say what it may cost, and ask where somebody is there to answer. Raises ConfigError where nobody is."""
    for note in told.notes:
        click.echo(plain(note), err=True)
    if told.nano == 0 or yes:
        return
    cost = "an amount that is not known" if told.nano is None else f"about ${told.nano / 1e9:.4f}"
    calls = sum(part.calls for part in told.parts)
    question = f"{told.outcomes} outcomes with at least {calls} calls, {cost}. Go on?"
    if not sys.stdin.isatty():
        raise ConfigError(f"{question} Nobody is there to answer: say --yes, or --dry-run to see more.")
    click.confirm(question, abort=True)


def say_estimate(told: "Estimate", *, as_json: bool) -> None:
    """The estimate, for people or for programs."""
    rows = [
        {
            "of": part.name, "calls": part.calls, "kept": part.kept, "why": part.why,
            "usd": "unknown" if part.nano is None else f"{part.nano / 1e9:.4f}",
        }
        for part in told.parts
    ]  # fmt: skip
    if as_json:
        usd = None if told.nano is None else told.nano / 1e9
        parts = [{**row, "usd": None if part.nano is None else part.nano / 1e9}
                 for row, part in zip(rows, told.parts, strict=True)]  # fmt: skip
        click.echo(in_json({"outcomes": told.outcomes, "usd": usd, "parts": parts, "notes": told.notes}))
        return
    show_rows(rows, ("of", "calls", "kept", "usd", "why"), as_json=False, empty="It asks no model.")
    cost = "unknown" if told.nano is None else f"${told.nano / 1e9:.4f}"
    click.echo(plain(f"{told.outcomes} outcomes. May cost: {cost}."))
    for note in told.notes:
        click.echo(plain(note))
