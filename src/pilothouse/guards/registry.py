"""Guards by name: entry points of the group `pilothouse.guards`, made with the options of a configuration."""

from pilothouse.making import Kinds
from pilothouse.plugins import Registry
from pilothouse.protocols import Guard

__all__ = ["GROUP", "Guards"]

GROUP = "pilothouse.guards"


class Guards(Kinds[Guard]):
    """The guards there are. `registry` holds others in tests."""

    def __init__(self, registry: Registry | None = None) -> None:
        super().__init__(registry or Registry(GROUP), "guard", "check")
