"""`--fail-on`: conditions that end a command with exit code 1, for every command that tells of a run."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pilothouse.cli.context import plain
from pilothouse.errors import ConfigError

if TYPE_CHECKING:
    from pilothouse.app import Platform
    from pilothouse.evals.reports.gates import Gate, GateResult
    from pilothouse.evals.reports.runs import Objections

__all__ = ["enforce", "fail_on", "objections_of"]

_F = TypeVar("_F", bound=Callable[..., Any])


def fail_on(command: _F) -> _F:
    """Adds `--fail-on`, as often as wanted; the command gets `gates: list[Gate]`. What is no gate is wrong usage."""
    told = "End with exit code 1 where this holds, as 'quality < 0.8 ci' (docs/ci.md#gates); may be repeated."
    return click.option("--fail-on", "gates", multiple=True, metavar="GATE", callback=_parsed, help=told)(command)


def enforce(results: Iterable["GateResult"]) -> None:
    """Ends the command with exit code 1 where a gate failed, and says which and why."""
    failed = [one for one in results if not one.passed]
    for one in failed:
        click.echo(plain(f"Failed: {one.text}: {one.sentence}"), err=True)
    if failed:
        click.get_current_context().exit(1)


def objections_of(platform: "Platform") -> "Objections":
    """Why a judge of a run may not gate, by the cards of this home."""
    from pilothouse.evals.cards.judges import JudgeRoom  # noqa: PLC0415 - the room is heavy, and not for --help
    from pilothouse.evals.cards.planned import named_by  # noqa: PLC0415

    return JudgeRoom(platform.store, named_by(platform.snapshot.config)).objections


def _parsed(context: click.Context, param: click.Parameter, given: tuple[str, ...]) -> "list[Gate]":
    from pilothouse.evals.reports.gates import parse  # noqa: PLC0415 - numpy, and not for --help

    try:
        return [parse(text) for text in given]
    except ConfigError as error:
        raise click.BadParameter(error.message, context, param) from None
