"""The verdict of a rule: a pass, the score 1 or 0 unless there is a finer one, and why."""

from pilothouse.evals.shapes import Verdict
from pilothouse.types import Json

__all__ = ["listed", "told"]

_LONGEST = 80


def told(name: str, passed: bool, why: str = "", *, score: float | None = None, detail: Json | None = None) -> Verdict:
    """What rule `name` says. `why` is kept for those that did not pass."""
    finer = float(passed) if score is None else score
    return Verdict.ok(name, finer, passed=passed, explanation="" if passed else why, detail=detail)


def listed(names: list[str], most: int = 5) -> str:
    """Some names in quotes for a sentence, the first few of them, each cut."""
    shown = [f"'{name if len(name) <= _LONGEST else name[:_LONGEST] + '…'}'" for name in names[:most]]
    more = len(names) - most
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
