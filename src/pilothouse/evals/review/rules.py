"""How a queue fills by itself: rules, as they are written, checked. Knows nothing of where items are found."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Literal

import msgspec

from pilothouse.errors import InvalidRequest
from pilothouse.storage.evaluating.review_labels import Kind
from pilothouse.types import Json

__all__ = ["Rule", "Why", "drawn", "read_rules"]

Why = Literal["low_confidence", "thumbs_down", "guard", "random", "failed"]
MOST_RULES = 20
MOST_AT_ONCE = 1000
_NEAR = ("threshold", "spread", "logprob")


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which traces, or outcomes of evaluation runs (`of`), people should look at, and at most how many each time.

    low_confidence: the score (of a run: evaluator) named `score` lies within `margin` of its `threshold`; or a jury's
    scores lie `spread` or more apart; or the mean log probability of the answer's tokens is `logprob` or less, where
    the answer that was kept has them. thumbs_down: the score `score`, by default feedback, is `threshold` (0) or less.
    guard: a guard did not let it pass. failed: an evaluator (`score`, or any) said no, or could not tell. random: the
    `share` that the `seed` draws. `feature`, `environment` and `suite` take only those.
    """

    why: Why
    of: Literal["traces", "runs"] = "traces"
    score: str | None = None
    threshold: float | None = None
    margin: float = 0.1
    spread: float | None = None
    logprob: float | None = None
    share: float | None = None
    seed: int = 0
    most: int = 100
    feature: str | None = None
    environment: str | None = None
    suite: str | None = None

    @property
    def key(self) -> str:
        """What names the rule while it stays as it is."""
        return blake2b(msgspec.json.encode(self, order="deterministic"), digest_size=6).hexdigest()

    def near(self, score: float) -> bool:
        """Whether a score lies near the threshold."""
        return self.threshold is not None and abs(score - self.threshold) <= self.margin

    def draws(self, name: str) -> bool:
        """Whether the share takes what is named so: the same each time."""
        return self.share is not None and drawn(self.seed, name) < self.share


def read_rules(kind: Kind, given: Sequence[Json]) -> list[Rule]:
    """The rules of a queue. Raises InvalidRequest with the place and what is wrong."""
    if given and kind == "pairwise":
        raise InvalidRequest("A queue of pairs is filled from two runs, by hand: it has no rules.", param="rules")
    if len(given) > MOST_RULES:
        raise InvalidRequest(f"A queue has {MOST_RULES} rules at most.", param="rules")
    return [_read(place, one) for place, one in enumerate(given, 1)]


def drawn(seed: int, name: str) -> float:
    """A number from 0 to 1 for this name, the same each time (BLAKE2b)."""
    digest = blake2b(f"{seed}\n{name}".encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _read(place: int, given: Json) -> Rule:
    try:
        rule = msgspec.convert(given, Rule)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"Rule {place}: {error}.", param="rules") from None
    if problem := _problem(rule):
        raise InvalidRequest(f"Rule {place} ({rule.why}): {problem}", param="rules")
    return rule


def _problem(rule: Rule) -> str | None:
    if not 1 <= rule.most <= MOST_AT_ONCE:
        return f"`most` must lie between 1 and {MOST_AT_ONCE}."
    if rule.why == "random" and (rule.share is None or not 0 < rule.share <= 1):
        return "`share` must lie above 0 and be at most 1."
    if rule.margin < 0:
        return "`margin` must not be negative."
    if rule.why in ("guard", "thumbs_down") and rule.of == "runs":
        return "is of traces alone."
    if rule.why == "low_confidence":
        said = [name for name in _NEAR if getattr(rule, name) is not None]
        if len(said) != 1:
            return "needs one of `threshold`, `spread` and `logprob`."
        if said == ["threshold"] and rule.score is None:
            return "`threshold` needs the name of the `score`."
        if said == ["logprob"] and rule.of == "runs":
            return "`logprob` is of traces alone."
    return None
