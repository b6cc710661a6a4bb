"""What `prompts pull`, `push` and `diff` share: their folder and names, and how they tell what they found."""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pilothouse.cli.context import in_json, plain

if TYPE_CHECKING:
    from pilothouse.cli.prompts.desk import Desk
    from pilothouse.prompts.syncing import Step, Syncing

__all__ = ["folder_argument", "syncing", "tell_steps"]

_F = TypeVar("_F", bound=Callable[..., Any])
_QUIET = frozenset(("unchanged", "absent"))
_MOST_NAMED = 10


def folder_argument(*, exists: bool) -> Callable[[_F], _F]:
    """Adds `FOLDER [NAMES]...`"""

    def add(command: _F) -> _F:
        names = click.argument("names", nargs=-1)(command)
        return click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=exists))(names)

    return add


def syncing(path: Path, desk: "Desk") -> "Syncing":
    """The files in the folder beside the registry, and what git knows of them."""
    from pilothouse.cli.prompts.git import past_hashes  # noqa: PLC0415 - PyYAML is not for --help
    from pilothouse.cli.prompts.synced import Synced  # noqa: PLC0415
    from pilothouse.prompts.folder import Folder  # noqa: PLC0415
    from pilothouse.prompts.syncing import Syncing  # noqa: PLC0415

    return Syncing(Folder.open(path), Synced(desk), ancestors=past_hashes)


def tell_steps(steps: "Iterable[Step]", *, as_json: bool, show: bool) -> int:
    """Say each as it comes, with its differences where `show`, and those of conflicts always; the exit code."""
    done = list["Step"]()
    try:
        for step in steps:
            done.append(step)
            if not as_json and step.kind not in _QUIET:
                _say(step, show=show or step.kind == "conflict")
    finally:  # what was done before the registry went away is done
        if as_json:
            told = [{**asdict(step), "path": None if step.path is None else str(step.path)} for step in done]
            click.echo(in_json(told))
    if not as_json:
        _sum_up(done)
    return int(any(step.failed for step in done))


def _say(step: "Step", *, show: bool) -> None:
    if step.kind == "broken":
        click.echo(f"broken     {plain(step.told)}")
        return
    click.echo(f"{step.kind:10} {plain(step.name)} {plain(step.told)}")
    if show and step.shown:
        click.echo(plain(step.shown), nl=False)


def _sum_up(done: "list[Step]") -> None:
    same = sum(step.kind == "unchanged" for step in done)
    if same:
        click.echo(f"{same} unchanged.")
    absent = [step for step in done if step.kind == "absent"]
    for step in absent[:_MOST_NAMED]:
        click.echo(f"absent     {plain(step.name)} {plain(step.told)}")
    if len(absent) > _MOST_NAMED:
        click.echo(f"... and {len(absent) - _MOST_NAMED} more that are on one side alone: --json names them.")
    if not done:
        click.echo("There are no prompts, neither here nor in the registry.")
