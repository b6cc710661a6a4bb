"""How deeply nested a value may be. Beyond a few hundred levels neither the readers of JSON nor pages take it."""

from typing import Any

__all__ = ["DEEPEST", "TOO_DEEP", "shallow"]

DEEPEST = 64
"""Levels of lists and maps."""
TOO_DEEP = "(nested too deeply)"
"""In place of what lies below them."""


def shallow(value: Any, levels: int = DEEPEST) -> Any:
    """`value` with at most so many levels."""
    if not isinstance(value, dict | list):
        return value
    if levels <= 0:
        return TOO_DEEP
    if isinstance(value, dict):
        return {key: shallow(item, levels - 1) for key, item in value.items()}
    return [shallow(item, levels - 1) for item in value]
