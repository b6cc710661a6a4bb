"""The registry over entry points: built-ins and plugins by name, loaded when first asked for.

A plugin that fails to import is named in the error and hurts nobody else.
"""

import difflib
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pilothouse.errors import ConfigError, MissingExtra

__all__ = ["Registry"]


class Registry:
    """The plugins of one group, such as `pilothouse.providers`. `extra` adds or replaces some, for tests."""

    def __init__(self, group: str, extra: dict[str, Any] | None = None) -> None:
        self.group = group
        self._found: dict[str, EntryPoint] = {point.name: point for point in entry_points(group=group)}
        self._loaded: dict[str, Any] = dict(extra or {})

    def names(self) -> list[str]:
        return sorted(self._found.keys() | self._loaded.keys())

    def get(self, name: str) -> Any:
        """The object behind `name`. Raises ConfigError for an unknown name or a plugin that does not import."""
        if name in self._loaded:
            return self._loaded[name]
        point = self._found.get(name)
        if point is None:
            near = difflib.get_close_matches(name, self.names(), n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise ConfigError(f"No {self.group} named '{name}'.{hint} There are: {', '.join(self.names())}.")
        try:
            loaded = point.load()
        except MissingExtra:
            raise
        except Exception as error:
            raise ConfigError(f"The plugin '{name}' ({point.value}) does not import: {error!r}.") from error
        self._loaded[name] = loaded
        return loaded
