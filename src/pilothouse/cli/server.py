"""How commands ask a running server, for what only its processes know. Knows nothing of the nouns asked about."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from pilothouse.addresses import without_password
from pilothouse.cli.context import Context
from pilothouse.errors import ProviderUnavailable, Unauthenticated

__all__ = ["ask", "server_options"]

_KEY = "give one that may look at the platform with --key or PILOTHOUSE_API_KEY."
_F = TypeVar("_F", bound=Callable[..., Any])


def server_options(command: _F) -> _F:
    """`--url` and `--key`, as the arguments `url` and `key`."""
    url = click.option("--url", envvar="PILOTHOUSE_URL", help="The server (PILOTHOUSE_URL); else the one here.")
    key = click.option("--key", envvar="PILOTHOUSE_API_KEY", help="A key of it (PILOTHOUSE_API_KEY).")
    return url(key(command))


def ask(context: Context, url: str | None, key: str | None, method: str, path: str) -> Any:
    """What the server's management API answers. Raises what the client does."""
    from pilothouse.client import Client  # noqa: PLC0415 - aiohttp, which the help does not need

    settings = context.settings
    address = url or f"http://127.0.0.1:{settings.port}"
    shown = without_password(address)
    key = key or settings.master_key
    try:
        with Client(address, key) as client:
            return client.request(method, path)
    except ProviderUnavailable:
        where = "" if url else " Where it listens elsewhere, say so with --url or PILOTHOUSE_URL."
        told = f"No server answers at {shown}, and only a running one knows this: start it with `pilothouse up`.{where}"
        raise ProviderUnavailable(told) from None
    except Unauthenticated as error:
        raise Unauthenticated(error.message if key else f"{shown} wants a key: {_KEY}") from None
