"""How long recorded deployments took, as samples to draw from. Bounded: 512 per deployment, chosen fairly.

Knows nothing of the calls beyond their length.
"""

import random
from dataclasses import dataclass

from pilothouse.call import Span

__all__ = ["Latencies", "Took"]

_KEPT = 512
_DRAWN = 8


@dataclass(frozen=True, slots=True)
class Took:
    """Microseconds until the first content (None where that was not recorded) and until the end."""

    first_us: int | None
    whole_us: int
    output_tokens: int = 0


class Latencies:
    """Reservoir samples (Vitter, 1985, algorithm R) of each deployment. `random_source` makes draws repeatable."""

    def __init__(self, random_source: random.Random) -> None:
        self._random = random_source
        self._samples: dict[str, list[Took]] = {}
        self._counts: dict[str, int] = {}

    def add(self, span: Span) -> None:
        """Take what a call that was answered took, under the deployment that answered."""
        if span.deployment is None or span.status != "ok":
            return
        took = Took(span.ttft_us, span.duration_us, span.usage.output_tokens if span.usage else 0)
        count = self._counts[span.deployment] = self._counts.get(span.deployment, 0) + 1
        kept = self._samples.setdefault(span.deployment, [])
        if len(kept) < _KEPT:
            kept.append(took)
        elif (place := self._random.randrange(count)) < _KEPT:
            kept[place] = took

    def draw(self, deployment: str, output_tokens: int) -> Took | None:
        """What such a call took there: of eight drawn at random the one whose answer is nearest in length."""
        kept = self._samples.get(deployment)
        if not kept:
            return None
        drawn = [kept[self._random.randrange(len(kept))] for _ in range(_DRAWN)]
        return min(drawn, key=lambda took: abs(took.output_tokens - output_tokens))
