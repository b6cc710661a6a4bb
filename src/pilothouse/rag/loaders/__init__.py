"""Reads files as Documents: one file here per format, each a plugin of the group `pilothouse.loaders`.

Knows nothing of chunks, vectors or corpora.
"""

from collections.abc import Sequence
from pathlib import Path

from pilothouse.errors import ConfigError, DocumentError
from pilothouse.plugins import Registry
from pilothouse.protocols import Loader
from pilothouse.types import Document

__all__ = ["Loaders"]


class Loaders:
    """All loaders, by file suffix. A plugin that does not import is left out and named in `broken`."""

    def __init__(self, registry: Registry | None = None) -> None:
        registry = registry or Registry("pilothouse.loaders")
        self.broken: list[str] = []
        self._by_suffix: dict[str, Loader] = {}
        for name in registry.names():
            try:
                loader: Loader = registry.get(name)()
            except ConfigError as error:
                self.broken.append(error.message)
                continue
            self._by_suffix |= dict.fromkeys(loader.suffixes, loader)

    @property
    def suffixes(self) -> Sequence[str]:
        return sorted(self._by_suffix)

    def knows(self, path: Path) -> bool:
        return path.suffix.lower() in self._by_suffix

    def load(self, path: Path, source: str) -> Document:
        """The document at `path`, under the name `source`. Raises DocumentError naming `source`, whatever goes wrong:
        one file, or one plugin, does not end an ingest."""
        try:
            return self._by_suffix[path.suffix.lower()].load(path, source)
        except DocumentError:
            raise
        except Exception as error:
            raise DocumentError(f"its loader failed: {type(error).__name__}: {error}.", source=source) from error
