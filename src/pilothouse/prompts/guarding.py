"""What stands between a version and a protected label. The registry asks it; who answers is found further up."""

from typing import Protocol

__all__ = ["OPEN", "Protection"]


class Protection(Protocol):
    """Whether a version may get a label. Both methods only read."""

    def check(self, project: str, name: str, version: int, label: str, current: int | None) -> list[str]:
        """What stands against it, each a sentence that says what to do; nothing where it may. `current` is the version
        that the label points to now."""
        ...

    def approvals(self, project: str, name: str, label: str) -> int:
        """How many other people must agree."""
        ...


class _Open:
    def check(self, project: str, name: str, version: int, label: str, current: int | None) -> list[str]:
        return []

    def approvals(self, project: str, name: str, label: str) -> int:
        return 0


OPEN: Protection = _Open()
"""Protects no label."""
