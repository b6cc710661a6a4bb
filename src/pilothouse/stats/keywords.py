"""Words that tell groups of texts apart. Plain functions. Knows nothing of where the groups come from."""

import re
from collections import Counter
from collections.abc import Sequence
from math import log

__all__ = ["holds", "labelled", "terms"]

_WORD = re.compile(r"[^\W\d_][\w'’-]*[^\W_]|[^\W\d_]")
_WORDS = 3  # of a label
_LEAST = 3  # texts in which a word occurs that is shown, so that none is one person's alone
_MOST_TERMS = 60  # of a text
_STOP_WORDS = """
a able about above after again against all also am an and any anyone anything are aren't around as ask at away be
because been before being below between both but by can can't cannot come could couldn't describe did didn't different
do does doesn't doing don't down during each either else even ever every everyone everything example examples explain
few find first following for from further gave generate get give given go going good got had has have haven't having
he hello help her here hers herself hey hi him himself his how however i i'd i'll i'm i've if in instead into is isn't
it it's its itself just keep kind know last least less let let's like list made make makes making many may maybe me
might mine more most much must my myself name need needs never new no nor not nothing now of off often ok okay on once
one ones only onto or other our ours out over own part people person please possible provide put question questions
really regarding related right said same say says see shall she should shouldn't show since so some someone something
sort specific still such sure take tell text than thank thanks that that's the their theirs them then there these they
they're thing things think this those through to together too tried try two type types under until up upon us use used
user uses using various very via want wanted was wasn't way ways we we're well went were what what's when where
whether which while who who's whom whose why will with within without won't work would write wrote yes yet you you'd
you'll you're you've your yours yourself aber als auch auf aus bei bin bis bitte da das dass dem den der des die dies
diese dieser du durch ein eine einem einen einer es für hat haben ich ihr im ist kann kein mein mit nach nicht noch
nur oder sich sie sind über um und uns von vor war wie wenn wer wir wird zu zum zur au aux avec ce ces cette comment
dans de elle en est et il je la le les leur mais mon ne nous ou où par pas pour qu que qui quoi sa se ses son sont sur
un une vous como con del el esta este las lo los más mi o para pero por qué si sin su una y ya
"""
_STOP = frozenset(_STOP_WORDS.split())


def terms(text: str) -> list[str]:
    """The words of a text in lower case and the pairs of them that stand together, stop words (English, and the
    commonest of German, French and Spanish) left out; each once."""
    found: dict[str, None] = {}
    before, end = "", 0
    for match in _WORD.finditer(text.lower()):
        word = match[0].replace("’", "'").removesuffix("'s")
        if word in _STOP or len(word) < 2:
            before = ""
            continue
        found[word] = None
        if before and text[end : match.start()].isspace():
            found[f"{before} {word}"] = None
        before, end = word, match.end()
        if len(found) >= _MOST_TERMS:
            break
    return list(found)


def labelled(groups: Sequence[Sequence[str]]) -> list[list[str]]:
    """The terms of each group of texts that say most about it, two or three, the best first; none where no word is
    shared by three of its texts.

    By class-based TF-IDF (Grootendorst 2022, arXiv:2203.05794): the share of a group's texts that have the term, times
    ln(1 + mean texts of a group / texts with it in all groups). A pair of words takes the place of its words.
    """
    counts = [Counter(term for text in texts for term in terms(text)) for texts in groups]
    everywhere = sum(counts, Counter[str]())
    mean = sum(map(len, groups)) / max(1, len(groups))
    return [_label(count, len(texts), everywhere, mean) for count, texts in zip(counts, groups, strict=True)]


def holds(label: Sequence[str], texts: Sequence[str]) -> bool:
    """Whether a label that a group was given before still stands: each of its terms is in three of the texts."""
    found = Counter(term for text in texts for term in terms(text))
    return bool(label) and all(found[term] >= _LEAST for term in label)


def _label(count: Counter[str], size: int, everywhere: Counter[str], mean: float) -> list[str]:
    told = {
        term: number / size * log(1 + mean / everywhere[term]) for term, number in count.items() if number >= _LEAST
    }
    chosen: list[str] = []
    for term in sorted(told, key=lambda term: -told[term]):  # among equals the first to occur
        words = term.split()
        alike = [one for one in chosen if set(words) & set(one.split()) or _same(term, one)]
        if not alike and len(chosen) < _WORDS:
            chosen.append(term)
        elif alike and len(words) == 2 and all(one in words and count[term] * 2 >= count[one] for one in alike):
            chosen[chosen.index(alike[0])] = term  # half of the texts with the word have the pair
            chosen = [one for one in chosen if one not in alike]
    return chosen


def _same(one: str, other: str) -> bool:
    """Whether two words differ in an ending alone."""
    short, long = sorted((one, other), key=len)
    return long.startswith(short) and len(long) - len(short) <= 2
