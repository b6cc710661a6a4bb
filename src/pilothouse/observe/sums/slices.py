"""Which rows of the rollups answer a question: those of one dimension, or the cube where several are narrowed to.

The rollups keep each dimension by itself, and together only the four of the cube. Knows nothing of databases.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pilothouse.errors import InvalidRequest
from pilothouse.observe.sums.cells import CUBE, DIMENSIONS

__all__ = ["CUBED", "EVERYTHING", "NARROWED", "Slice"]

CUBED = ("model", "prompt", "key", "feature")
"""The dimensions that the cube keeps together, in the order of its values. It counts calls, not requests."""

NARROWED = tuple(name for name in DIMENSIONS if name not in ("all", "cube"))
"""The dimensions that figures are told by, or narrowed to a value of."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows of `dimension`: those with this `value`, or with one `among` these, or all where both are None.

    Of the cube: those whose parts are `parts` (None fits any), named by the part at `named_by`.
    """

    dimension: str
    value: str | None = None
    parts: tuple[str | None, ...] | None = None
    named_by: int | None = None
    among: tuple[str, ...] | None = None

    @classmethod
    def of(cls, by: str | None = None, only: Mapping[str, str] | None = None) -> Self:
        """What is told by a dimension (None: as a whole), narrowed to values of others. Raises InvalidRequest for
        what the rollups do not keep together."""
        only = only or {}
        for name in (*only, *((by,) if by else ())):
            if name not in NARROWED:
                raise InvalidRequest(f"'{name[:40]}' is no dimension. There are: {', '.join(NARROWED)}.", param="by")
        if not only:
            return cls(by or "all", None if by else "")
        if len(only) == 1 and by in (None, *only):
            ((dimension, value),) = only.items()
            return cls(dimension, value.replace("\0", "\ufffd"))
        asked = dict.fromkeys((*only, *((by,) if by else ())))
        if not all(name in CUBED for name in asked):
            told = ", ".join(CUBED)
            message = f"Figures of {' and '.join(asked)} together are not kept: only those of {told} are."
            raise InvalidRequest(message, param="by" if by else next(iter(only)))
        parts = tuple([only[name].replace("\0", "\ufffd") if name in only else None for name in CUBED])
        return cls("cube", None, parts, CUBED.index(by) if by else None)

    @property
    def pattern(self) -> str | None:
        """What a value is LIKE, with `\\` before a sign meant literally: most of what `name` leaves out."""
        if self.parts is None:
            return None
        return CUBE.join("%" if part is None else _literal(part) for part in self.parts)

    @property
    def part(self) -> str:
        """A text that all its values hold, the longest of those that are asked for."""
        return max((part for part in self.parts or () if part), key=len, default="")

    def name(self, value: str) -> str | None:
        """What a row with this value counts for; None where it is not of this slice."""
        if self.parts is None:
            return value
        for part in self.parts:
            if part is not None and part not in value:  # most are told apart by this
                return None
        found = value.split(CUBE)
        if len(found) != len(CUBED) or any(p not in (None, f) for p, f in zip(self.parts, found, strict=True)):
            return None
        return "" if self.named_by is None else found[self.named_by] or None


EVERYTHING = Slice("all", "")


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
