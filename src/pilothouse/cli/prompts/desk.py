"""Where commands find the registry: at the server that is named, else in the home of this machine.

Both give what the API gives (`prompts.shown`), so that a command prints the same of either.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.cli.context import Context, plain
from pilothouse.cli.options import control
from pilothouse.cli.server import server_options
from pilothouse.errors import InvalidRequest
from pilothouse.types import Json

if TYPE_CHECKING:
    from pilothouse.cli.prompts.served import Served

__all__ = ["Desk", "at_desk", "at_registry", "desk_options", "known", "served", "shown"]

_F = TypeVar("_F", bound=Callable[..., Any])


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


def desk_options(command: _F) -> _F:
    """`--project`, `--url` and `--key`: which registry, as `at_desk` takes them."""
    project = click.option("--project", default=DEFAULT_PROJECT, show_default=True, help="The project.")
    return project(server_options(command))


@contextmanager
def served(context: Context, project: str, url: str, key: str | None) -> "Iterator[Served]":
    """That of a server. Says on the standard error which one is asked. Raises InvalidRequest where an argument of the
    command was no UTF-8, which Python keeps as halves of surrogate pairs."""
    from pilothouse.cli.prompts.served import Served  # noqa: PLC0415 - aiohttp, which the help does not need

    click.echo(plain(f"Registry: {shown(url)}"), err=True)
    with Served(url, key or context.settings.master_key, project) as found:
        try:
            yield found
        except UnicodeEncodeError as error:
            raise InvalidRequest(f"{error.object[:100]!r} is not UTF-8 text.") from None


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


def shown(url: str) -> str:
    """The address without a password in it."""
    return re.sub("//[^/@]*@", "//", url.rstrip("/"))


def known(context: Context, project: str) -> None:
    """Raises NotFound where this home does not have the project."""
    if project != DEFAULT_PROJECT:
        from pilothouse.access import Tenants  # noqa: PLC0415 - the room is heavy, and not for --help

        with control(context) as engine:
            Tenants(engine).get("project", project)


def at_registry(command: _F) -> Callable[..., Any]:
    """Gives a command the desk that its options name, before its own arguments."""

    @desk_options
    @click.make_pass_decorator(Context)
    @wraps(command)
    def run(context: Context, /, *given: Any, project: str, url: str | None, key: str | None, **named: Any) -> Any:
        with at_desk(context, project, url, key) as desk:
            return command(desk, *given, **named)

    return run
