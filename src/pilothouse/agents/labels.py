"""Where a value comes from, and how far that is trusted. Labels only ever join: nothing takes an origin away.

Labels are kept beside values by the loop. A model neither sees nor states them. Information flow as in Denning 1976, "A
Lattice Model of Secure Information Flow"; for agents as in Debenedetti et al. 2025, "Defeating Prompt Injections by
Design" (arXiv:2503.18813).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

__all__ = ["DOCUMENT", "OURS", "SYSTEM", "USER", "Label", "Labelled", "Trust", "joined"]


class Trust(IntEnum):
    """The lower, the better. TRUSTED: said by whoever runs the agent or asks it. DATA: a number, a date, a truth value
    or one of a few choices that was read out of a text from outside: it instructs nobody, yet its value is not ours.
    UNTRUSTED: a text from outside."""

    TRUSTED = 0
    DATA = 1
    UNTRUSTED = 2


@dataclass(frozen=True, slots=True)
class Label:
    """`origins` are such as `user`, `system`, `document`, `tool:NAME`, `mcp:SERVER`."""

    trust: Trust = Trust.TRUSTED
    origins: frozenset[str] = frozenset()

    def __or__(self, other: "Label") -> "Label":
        """Of what is made of both: the worse trust, and all origins."""
        return Label(max(self.trust, other.trust), self.origins | other.origins)

    @property
    def outside(self) -> bool:
        return self.trust is not Trust.TRUSTED

    def __str__(self) -> str:
        return ", ".join(sorted(self.origins)) or "nowhere"

    @classmethod
    def untrusted(cls, *origins: str) -> "Label":
        """Of a text from outside."""
        return cls(Trust.UNTRUSTED, frozenset(origins))

    @classmethod
    def trusted(cls, *origins: str) -> "Label":
        """Of what nobody outside has written."""
        return cls(Trust.TRUSTED, frozenset(origins))

    def as_data(self) -> "Label":
        """Of a typed value that was read out of this."""
        return Label(min(self.trust, Trust.DATA), self.origins)


OURS = Label()
SYSTEM = Label.trusted("system")
USER = Label.trusted("user")
DOCUMENT = Label.untrusted("document")


@dataclass(frozen=True, slots=True)
class Labelled:
    """A value of plain JSON, with its label."""

    value: Any
    label: Label


def joined(labels: Iterable[Label]) -> Label:
    """Of what is made of all of these."""
    made = Label()
    for label in labels:
        made |= label
    return made
