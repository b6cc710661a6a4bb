"""Where commands find the registry: at the server that is named, else in the home of this machine.

Both give what the API gives (`prompts.shown`), so that a command prints the same of either.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from pilothouse.cli.context import Context
from pilothouse.cli.either import at_server, giving, known
from pilothouse.types import Json

if TYPE_CHECKING:
    from pilothouse.cli.prompts.served import Served

__all__ = ["Desk", "at_desk", "at_registry", "served"]


class Desk(Protocol):
    """The registry of one project. Methods raise NotFound, Conflict, InvalidRequest and PromotionRefused alike; `query`
    and `changes` are the parameters and fields of the route that each is named after."""

    def list(self, **query: Any) -> Json: ...

    def prompt(self, name: str) -> Json: ...

    def version(self, name: str, number: int) -> Json: ...

    def labelled(self, name: str, label: str) -> Json: ...

    def resolved(self, name: str, *, version: int | None = None, label: str | None = None) -> Json: ...

    def versions(self, name: str, *, limit: int, before: int | None) -> Sequence[Json]: ...

    def create(self, *, name: str, content: Json, labels: Sequence[str], message: str, parent: int | None) -> Json: ...

    def describe(self, name: str, **changes: Any) -> Json: ...

    def archive(self, name: str, *, archived: bool) -> Json: ...

    def promote(
        self, name: str, label: str, *, version: int, reason: str, force: bool, expected: int | None
    ) -> Json: ...

    def unlabel(self, name: str, label: str, *, reason: str) -> Json: ...

    def rollback(self, name: str, *, label: str, reason: str, expected: int | None) -> Json: ...

    def history(self, name: str, **query: Any) -> Sequence[Json]: ...

    def requests(self, *, prompt: str | None, status: str, limit: int, before: str | None) -> Sequence[Json]: ...

    def approve(self, request: str, *, note: str) -> Json: ...

    def reject(self, request: str, *, note: str) -> Json: ...

    def verdicts(self, name: str, *, version: int | None, limit: int) -> Sequence[Json]: ...

    def watched(self, name: str) -> Sequence[Json]: ...

    def usage(self, name: str, *, period: str, label: str | None) -> Sequence[Json]: ...


def served(context: Context, project: str, url: str, key: str | None) -> "AbstractContextManager[Served]":
    """That of a server, which is named on the standard error."""
    from pilothouse.cli.prompts.served import Served  # noqa: PLC0415 - aiohttp, which the help does not need

    return at_server(Served, context, project, url, key)


@contextmanager
def at_desk(context: Context, project: str, url: str | None, key: str | None) -> Iterator[Desk]:
    """The registry there. Raises NotFound where this home does not have the project."""
    if url is not None:
        with served(context, project, url, key) as there:
            yield there
    else:
        from pilothouse.cli.prompts.home import Home  # noqa: PLC0415 - the registry costs time that --help does not need

        known(context, project)
        with Home(context, project) as home:
            yield home


at_registry = giving(at_desk)
"""Gives a command the desk that its options name, before its own arguments."""
