"""The management API of a server, as desks ask it. Knows nothing of the nouns asked about."""

from typing import Any, Self
from urllib.parse import urlencode

from pilothouse import client
from pilothouse.call import DEFAULT_PROJECT
from pilothouse.types import Json

__all__ = ["Asking"]


class Asking:
    """About one project. Raises ProviderUnavailable where nobody answers, Unauthenticated and Forbidden for the key."""

    def __init__(self, url: str, key: str | None, project: str) -> None:
        self._client = client.Client(url, key)
        self._project = {} if project == DEFAULT_PROJECT else {"project_id": project}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def _ask(self, method: str, path: str, body: Json | None = None, query: Json | None = None) -> Any:
        given = {name: value for name, value in {**(query or {}), **self._project}.items() if value is not None}
        asked = urlencode({name: str(value).lower() if value is True or value is False else value
                           for name, value in given.items()})  # fmt: skip
        return self._client.request(method, f"{path}{'?' if asked else ''}{asked}", body)
