"""How the sentences of a text hang together, by their words alone. Knows nothing of whether they make sense.

The measures are the oldest of Coh-Metrix (Graesser et al. 2004; McNamara et al. 2014): what a sentence shares with the
one before it. A text that repeats itself has the most of it, so read them beside readability's repetition.
"""

from itertools import pairwise
from typing import NamedTuple

from pilothouse.overlap.matches import shared
from pilothouse.overlap.sentences import sentences
from pilothouse.overlap.stemming import stem
from pilothouse.overlap.tokens import words

__all__ = ["Coherence", "coherence", "content_stems"]

_FUNCTION = """
a about above after again against all also although am among an and another any anyone anything are around as at be
because been before being below between both but by can could did do does doing done down during each either else ever
every few for from further had has have having he hence her here hers herself him himself his how however i if in into
is it its itself just less let many may me might mine more most much must my myself neither never no nor not nothing now
of off often on once one only onto or other our ours out over own per perhaps rather same shall she should since so some
something still such than that the their theirs them themselves then there therefore these they this those though
through thus to too toward towards under unless until up upon us very via was we were what when where whereas whether
which while who whom whose why will with within without would yes yet you your yours yourself it's don't doesn't isn't
can't i'm i've that's there's they're we're you're
"""
_FUNCTION_WORDS = frozenset(_FUNCTION.split())


class Coherence(NamedTuple):
    """Of all pairs of neighbouring sentences: the share that has a content word's stem in common, and the mean share of
    stems that both have (Dice), each from 0 to 1; None with fewer than two sentences of content words."""

    sentences: int
    linked: float | None
    overlap: float | None


def coherence(text: str) -> Coherence:
    """What neighbouring sentences of a text have in common: stems of its words without English function words, which
    are neither pronouns' referents nor synonyms. Sentences without a content word are left out."""
    kept = [found for sentence in sentences(text) if (found := content_stems(sentence))]
    if len(kept) < 2:
        return Coherence(len(kept), None, None)
    common = [shared(one, other) for one, other in pairwise(kept)]
    dice = [2 * hits / (len(one) + len(other)) for hits, (one, other) in zip(common, pairwise(kept), strict=True)]
    return Coherence(len(kept), sum(hits > 0 for hits in common) / len(common), sum(dice) / len(dice))


def content_stems(sentence: str) -> list[str]:
    """The different stems of a text's words, in order, without English function words."""
    return list(dict.fromkeys(stem(word) for word in words(sentence) if word not in _FUNCTION_WORDS))
