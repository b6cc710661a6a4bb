"""What several votes on one criterion come to: a label, or a dispute. Plain functions; knows nothing of tables."""

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Literal

from pilothouse.errors import InvalidRequest

__all__ = ["CHOICES", "POINTS", "Kind", "Value", "apart", "checked", "disputed", "label_of", "mirrored", "read_value"]

Kind = Literal["likert", "pairwise"]
Value = int | str
"""1 to 5, or "a", "b", "tie"."""

POINTS = (1, 2, 3, 4, 5)
CHOICES = ("a", "tie", "b")
_MIRRORED = {"a": "b", "b": "a"}


def checked(kind: Kind, value: object, criterion: str) -> Value:
    """A vote as it is kept, from a number or text. Raises InvalidRequest, which names the criterion."""
    text = str(value).strip().lower() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if kind == "likert" and text in {str(point) for point in POINTS}:
        return int(text)
    if kind == "pairwise" and text in CHOICES:
        return text
    wanted = "a whole number from 1 to 5" if kind == "likert" else "'a', 'b' or 'tie'"
    raise InvalidRequest(f"The vote on '{criterion}' must be {wanted}.", param=criterion)


def read_value(kind: str, text: str) -> Value:
    """A vote from how it is kept."""
    return int(text) if kind == "likert" else text


def mirrored(value: Value) -> Value:
    """The same choice where A and B change places."""
    return _MIRRORED.get(value, value) if isinstance(value, str) else value


def apart(values: Sequence[Value]) -> int:
    """How far the outermost lie from each other, in points, or in steps from a over tie to b."""
    places = [value if isinstance(value, int) else CHOICES.index(value) for value in values]
    return max(places, default=0) - min(places, default=0)


def label_of(values: Sequence[Value]) -> float | str | None:
    """The median of points, the choice that most have made; None where two choices have as many, or nobody voted."""
    points = [value for value in values if isinstance(value, int)]
    if points:
        middle = median(points)
        return int(middle) if middle == int(middle) else middle
    counts = Counter(value for value in values if isinstance(value, str)).most_common()
    if not counts or (len(counts) > 1 and counts[0][1] == counts[1][1]):
        return None
    return counts[0][0]


def disputed(values: Sequence[Value], spread: int) -> bool:
    """Whether somebody else must decide: they lie farther apart than `spread`, or no choice has most votes."""
    return len(values) > 1 and (apart(values) > spread or label_of(values) is None)
