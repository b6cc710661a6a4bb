"""Commands that do the same at a server that is named as in the home of this machine: which one, and what is said.

Each noun has a desk for it, a Protocol that both sides keep. Knows nothing of the nouns.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from typing import Any, TypeVar

import click

from pilothouse.addresses import without_password
from pilothouse.call import DEFAULT_PROJECT
from pilothouse.cli.context import Context, plain
from pilothouse.cli.options import control
from pilothouse.cli.server import server_options
from pilothouse.errors import InvalidRequest

__all__ = ["at_server", "desk_options", "giving", "known", "shown"]

_D = TypeVar("_D")
_F = TypeVar("_F", bound=Callable[..., Any])
_At = Callable[[Context, str, str | None, str | None], AbstractContextManager[Any]]


def desk_options(command: _F) -> _F:
    """`--project`, `--url` and `--key`: which one."""
    project = click.option("--project", default=DEFAULT_PROJECT, show_default=True, help="The project.")
    return project(server_options(command))


def giving(at_desk: _At) -> Callable[[_F], Callable[..., Any]]:
    """Gives a command the desk that its options name, before its own arguments; `at_desk` opens it for a project, a URL
    or None, and a key."""

    def add(command: _F) -> Callable[..., Any]:
        @desk_options
        @click.make_pass_decorator(Context)
        @wraps(command)
        def run(context: Context, /, *given: Any, project: str, url: str | None, key: str | None, **named: Any) -> Any:
            with at_desk(context, project, url, key) as desk:
                return command(desk, *given, **named)

        return run

    return add


@contextmanager
def at_server(
    kind: Callable[[str, str | None, str], AbstractContextManager[_D]], context: Context, project: str, url: str,
    key: str | None, *, noun: str = "Registry",
) -> Iterator[_D]:  # fmt: skip
    """The desk there. Says on the standard error which server is asked. Raises InvalidRequest where an argument of the
    command was no UTF-8, which Python keeps as halves of surrogate pairs."""
    click.echo(plain(f"{noun}: {shown(url)}"), err=True)
    with kind(url, key or context.settings.master_key, project) as found:
        try:
            yield found
        except UnicodeEncodeError as error:
            raise InvalidRequest(f"{error.object[:100]!r} is not UTF-8 text.") from None


def shown(url: str) -> str:
    """The address without a password in it."""
    return without_password(url.rstrip("/"))


def known(context: Context, project: str) -> None:
    """Raises NotFound where this home does not have the project."""
    if project != DEFAULT_PROJECT:
        from pilothouse.access import Tenants  # noqa: PLC0415 - the room is heavy, and not for --help

        with control(context) as engine:
            Tenants(engine).get("project", project)
