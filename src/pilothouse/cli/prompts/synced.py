"""The registry as files are held beside it, wherever it is."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pilothouse.errors import NotFound

if TYPE_CHECKING:
    from pilothouse.cli.prompts.desk import Desk
    from pilothouse.prompts.content import Content
    from pilothouse.prompts.versions import Version
    from pilothouse.types import Json

__all__ = ["Synced", "version_of"]


class Synced:
    """The `Registry` of `prompts.syncing` over a desk."""

    def __init__(self, desk: "Desk") -> None:
        self._desk = desk

    def names(self) -> Sequence[str]:
        found, after = list[str](), None
        while True:
            page = self._desk.list(after=after, limit=500)
            found += [one["name"] for one in page["data"]]
            after = page["next"]
            if after is None:
                return found

    def labelled(self, name: str, label: str) -> "Version | None":
        try:
            return version_of(self._desk.labelled(name, label))
        except NotFound:
            return None

    def numbered(self, name: str, number: int) -> "Version | None":
        try:
            return version_of(self._desk.version(name, number))
        except NotFound:
            return None

    def create(
        self, name: str, content: "Content", *, parent: int | None, message: str, labels: Sequence[str]
    ) -> "Version":
        made = self._desk.create(
            name=name, content=content.to_json(), parent=parent, message=message, labels=labels
        )  # fmt: skip
        return version_of(made)


def version_of(body: "Json") -> "Version":
    """A version as the API tells it, with its content."""
    from pilothouse.prompts.content import content_of  # noqa: PLC0415 - pydantic is not for --help
    from pilothouse.prompts.versions import Version  # noqa: PLC0415

    fields = ("project_id", "name", "hash", "message", "author", "created_us", "parent")
    told = {field: body[field] for field in fields}
    return Version(
        **told, number=body["version"], content=content_of(body["content"]), labels=tuple(body["labels"])
    )  # fmt: skip
