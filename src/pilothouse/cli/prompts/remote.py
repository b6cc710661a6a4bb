"""The registry as files are held beside it: that of a server, or the one of this home."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.cli.context import Context
from pilothouse.cli.options import me
from pilothouse.cli.prompts.registry import guarded, opened
from pilothouse.errors import NotFound

if TYPE_CHECKING:
    from pilothouse.client import Client
    from pilothouse.prompts.content import Content
    from pilothouse.prompts.registry import Prompts
    from pilothouse.prompts.syncing import Registry
    from pilothouse.prompts.versions import Version
    from pilothouse.types import Json

__all__ = ["registry"]


@contextmanager
def registry(
    context: Context, url: str | None, key: str | None, project: str, *, moves: bool = False
) -> "Iterator[Registry]":
    """That of the server at `url`, else that of this home. `moves` where labels are to move, which may be protected."""
    if url is None:
        with (guarded if moves else opened)(context) as prompts:
            yield _Here(prompts, project)
        return
    from pilothouse.client import Client  # noqa: PLC0415 - aiohttp, which the help does not need

    with Client(url, key or context.settings.master_key) as client:
        yield _There(client, project)


class _Here:
    def __init__(self, prompts: "Prompts", project: str) -> None:
        self._prompts = prompts
        self._project = project

    def names(self) -> Sequence[str]:
        found, after = list[str](), None
        while True:
            page = self._prompts.list(self._project, after=after, limit=500)
            found += [one.name for one in page.prompts]
            after = page.next
            if after is None:
                return found

    def labelled(self, name: str, label: str) -> "Version | None":
        try:
            return self._prompts.get(self._project, name, label=label)
        except NotFound:
            return None

    def numbered(self, name: str, number: int) -> "Version | None":
        try:
            return self._prompts.get(self._project, name, version=number)
        except NotFound:
            return None

    def create(
        self, name: str, content: "Content", *, parent: int | None, message: str, labels: Sequence[str]
    ) -> "Version":
        return self._prompts.create(
            self._project, name, content, by=me(), message=message, labels=labels, parent=parent
        )


class _There:
    def __init__(self, client: "Client", project: str) -> None:
        self._client = client
        self._project = {} if project == DEFAULT_PROJECT else {"project_id": project}

    def names(self) -> Sequence[str]:
        found, after = list[str](), dict[str, str]()
        while True:
            page = self._ask("GET", "", None, {"limit": "500", **after})
            found += [one["name"] for one in page["data"]]
            if page["next"] is None:
                return found
            after = {"after": page["next"]}

    def labelled(self, name: str, label: str) -> "Version | None":
        try:
            asked = self._ask("GET", f"/{quote(name, safe='')}")
        except NotFound:
            return None
        number = asked["labels"].get(label)
        return None if number is None or asked["archived_us"] is not None else self.numbered(name, number)

    def numbered(self, name: str, number: int) -> "Version | None":
        try:
            return _version(self._ask("GET", f"/{quote(name, safe='')}/versions/{number}"))
        except NotFound:
            return None

    def create(
        self, name: str, content: "Content", *, parent: int | None, message: str, labels: Sequence[str]
    ) -> "Version":
        body = {"name": name, "content": content.to_json(), "message": message, "labels": [*labels], "parent": parent}
        return _version(self._ask("POST", "", body))

    def _ask(self, method: str, path: str, body: "Json | None" = None, query: Mapping[str, str] | None = None) -> Any:
        asked = urlencode({**(query or {}), **self._project})
        return self._client.request(method, f"/api/prompts{path}{'?' if asked else ''}{asked}", body)


def _version(body: "Json") -> "Version":
    from pilothouse.prompts.content import content_of  # noqa: PLC0415 - pydantic is not for --help
    from pilothouse.prompts.versions import Version  # noqa: PLC0415

    fields = ("project_id", "name", "hash", "message", "author", "created_us", "parent")
    told = {field: body[field] for field in fields}
    return Version(
        **told, number=body["version"], content=content_of(body["content"]), labels=tuple(body["labels"])
    )  # fmt: skip
