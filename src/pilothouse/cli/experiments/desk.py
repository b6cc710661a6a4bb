"""Where commands find the experiments: at the server that is named, else in the home of this machine.

Both give what the API gives, so that a command prints the same of either.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from pilothouse.cli.context import Context
from pilothouse.cli.either import at_server, giving, known
from pilothouse.types import Json

__all__ = ["Desk", "at_experiments"]


class Desk(Protocol):
    """The experiments of one project, each known by its name or id. Methods raise NotFound, Conflict, Forbidden and
    PromotionRefused alike."""

    def list(self, *, status: str | None, limit: int) -> Sequence[Json]: ...

    def create(self, design: Json, *, start: bool) -> Json: ...

    def show(self, name: str, *, now: bool) -> Json: ...

    def start(self, name: str, *, force: bool, reason: str) -> Json: ...

    def stop(self, name: str, *, reason: str) -> Json: ...

    def decide(self, name: str, *, arm: str, reason: str) -> Json: ...


@contextmanager
def _at_desk(context: Context, project: str, url: str | None, key: str | None) -> Iterator[Desk]:
    if url is not None:
        from pilothouse.cli.experiments.served import Served  # noqa: PLC0415 - aiohttp, which the help does not need

        with at_server(Served, context, project, url, key, noun="Server") as there:
            yield there
    else:
        from pilothouse.cli.experiments.home import Home  # noqa: PLC0415 - heavy, and not for --help

        known(context, project)
        with context.looking() as platform:
            yield Home(platform, project)


at_experiments = giving(_at_desk)
"""Gives a command the desk that its options name, before its own arguments. Raises NotFound where this home does not
have the project."""
