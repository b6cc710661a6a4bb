"""Names in error messages: the nearest that there is, and what a stranger wrote cut to a readable length."""

import difflib
from collections.abc import Iterable
from itertools import islice
from typing import Any

__all__ = ["clipped", "nearest"]

_MOST, _LONGEST = 200, 100


def nearest(name: Any, known: Iterable[str]) -> str:
    """What to say after a name that there is not. Looks at the first 200 of at most 100 characters."""
    there = [one for one in islice(known, _MOST) if len(one) <= _LONGEST]
    near = difflib.get_close_matches(str(name)[:_LONGEST], there, n=1, cutoff=0.6)
    if near:
        return f" Did you mean '{near[0]}'?"
    return f" There are: {', '.join(there[:50])}." if there else ""


def clipped(value: Any) -> str:
    """The value as Python writes it, at most 80 characters of it."""
    if isinstance(value, str):
        value = value[:80]
    elif isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return repr(value)
