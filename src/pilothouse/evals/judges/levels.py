"""A judge's score by the probabilities of its levels, where its model tells those of its tokens.

G-Eval (Liu and others 2023, https://arxiv.org/abs/2303.16634, equation 1): the sum of each level times its probability,
which is finer than the level that was said. Levels have one digit, and so one token each.
"""

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from pilothouse.types import Json

__all__ = ["expected_level", "level_probabilities"]

_LEAST = 0.5
"""What the levels must have of the probability: below, the token was mostly about something else."""


def expected_level(probabilities: dict[int, float]) -> float:
    """The mean level by these probabilities, which add up to 1."""
    return sum(level * share for level, share in probabilities.items())


def level_probabilities(tokens: Sequence[Json], name: str, low: int, high: int) -> dict[int, float] | None:
    """The probabilities of the levels from `low` to `high` (digits) at the place where the value of `name` stands in
    the JSON that these tokens make up; they add up to 1. `tokens` are OpenAI's `logprobs.content`. None where they do
    not tell."""
    alternatives = _alternatives(tokens, name)
    if alternatives is None or not 0 <= low < high <= 9:
        return None
    found = dict.fromkeys(range(low, high + 1), 0.0)
    for text, logprob in alternatives:
        level = text.strip().strip('"')
        if len(level) == 1 and level.isascii() and level.isdigit() and int(level) in found:
            found[int(level)] += math.exp(min(logprob, 0.0))
    mass = sum(found.values())
    return None if not mass >= _LEAST else {level: share / mass for level, share in found.items()}


def _alternatives(tokens: Sequence[Json], name: str) -> list[tuple[str, float]] | None:
    """What might have stood where the value of `name` begins, each with its log-probability."""
    texts = [token.get("token") for token in tokens]
    said = [text for text in texts if isinstance(text, str)]
    places = list(re.finditer(rf'"{re.escape(name)}"\s*:\s*"?', "".join(said)))
    if len(said) != len(texts) or len(places) != 1:
        return None
    end = 0
    for token, text in zip(tokens, said, strict=True):
        end += len(text)
        if end > places[0].end():
            return list(_pairs(token.get("top_logprobs")))
    return None


def _pairs(given: Any) -> Iterator[tuple[str, float]]:
    for one in given if isinstance(given, list) else ():
        if isinstance(one, dict):
            text, logprob = one.get("token"), one.get("logprob")
            if isinstance(text, str) and isinstance(logprob, int | float) and logprob == logprob:
                yield text, float(logprob)
