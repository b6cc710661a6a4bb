"""What parts two questions that an encoder finds alike: other numbers, names, times, a negation, a word more.

Vectors of sentences hardly move when one figure, one name or one "not" changes, and the answer changes altogether.
When in doubt they part: a miss costs a call, a false hit an answer that is wrong. Pure functions over wordings.
"""

import re
from collections.abc import Iterable

from pilothouse.cache.vocabulary import DIRECTIONS, OPPOSITES, SELVES
from pilothouse.cache.word_forms import LIGHT, SYNONYMS, misspelt, past
from pilothouse.cache.wording import Wording

__all__ = ["conflict"]

_PREFIXES = ("un", "in", "im", "non", "dis", "ir", "il")
_OF = ("of", "for", "by")
_LOOSE = frozenset(("in", "on", "at", "of", "for", "within", "during", "about", None))
_TOLD = frozenset((frozenset(("yes or no",)), frozenset(("what",))))


def conflict(a: Wording, b: Wording) -> str | None:
    """Why an answer to one question does not serve the other, None where nothing parts them.

    One of `language`, `numbers`, `units`, `times` (and what is before, after or since), `quantifiers`, `negation`,
    `question`, `modality`, `tense`, `opposites`, `names`, `direction` (to and from a place), `words` (one is about
    something that the other does not mention), `owners`, `order` (who does what to whom).
    """
    if a.language != b.language and None not in (a.language, b.language):
        return "language"
    for name in ("numbers", "units", "times", "quantifiers"):
        if getattr(a, name) != getattr(b, name):
            return name
    if a.denied != b.denied:
        return "negation"
    if a.kinds != b.kinds:
        return "question"
    if _told_apart(a, b):
        return "modality"
    if (a.tense and b.tense and a.tense != b.tense) or _other_form(a, b):
        return "tense"
    return _by_words(a, b)


def _told_apart(a: Wording, b: Wording) -> bool:
    """Whether what may be, must be and should be are asked for; `can it` and `does it` are one."""
    asked = {a.modality, b.modality}
    return len(asked) == 2 and (
        asked == {"may", "must"} or (not _TOLD.isdisjoint((a.kinds, b.kinds)) and asked != {"may", None})
    )


def _by_words(a: Wording, b: Wording) -> str | None:
    if _opposed(a.written.keys(), b.written.keys()):
        return "opposites"
    if a.quoted != b.quoted or _lacks(a.names, b) or _lacks(b.names, a):
        return "names"
    shared = a.written.keys() & b.written.keys()
    if any(_elsewhere(a.places.get(word), b.places.get(word)) for word in shared):
        return "direction"
    if _residue(a, b) or any(a.content.count(word) != b.content.count(word) for word in shared):
        return "words"
    if _others(a.parties, b.parties) or _others(a.possessors, b.possessors):
        return "owners"
    if a.persons != b.persons or (_owning(a, b) | _owning(b, a)) & shared:
        return "owners"
    return "order" if _turned_round(a, b) else None


def _elsewhere(one: str | None, other: str | None) -> bool:
    """Whether two prepositions before a word, None for none, say two things of it."""
    if DIRECTIONS.get(one or "") != DIRECTIONS.get(other or ""):
        return True
    return one != other and None not in (one, other) and not {one, other} <= _LOOSE and one not in DIRECTIONS


def _others(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether both speak of somebody, and of nobody in common."""
    return bool(one and other) and one.isdisjoint(other)


def _owning(a: Wording, b: Wording) -> frozenset[str]:
    """Who owns something in one question, and in the other neither does nor has it `of` or `for` them."""
    return a.owners - b.owners - {word for word, place in b.places.items() if place in _OF}


def _residue(a: Wording, b: Wording) -> bool:
    """Whether a word of one question has no like in the other: any that says something, or light ones on both sides
    (`start` and `use`, each without its like, ask for two things)."""
    left = a.written.keys() - b.written.keys()
    right = b.written.keys() - a.written.keys()
    for word in tuple(left):
        for other in right:
            if not SYNONYMS.get(word, frozenset()).isdisjoint(SYNONYMS.get(other, ())) or misspelt(
                a.written[word], b.written[other]
            ):
                left.discard(word)
                right.discard(other)
                break
    return bool(left and right) or not (left | right) <= LIGHT


def _turned_round(a: Wording, b: Wording) -> bool:
    """Whether what both say comes in another order, or a small word is another; where a comma parts clauses, these may
    change places."""
    if a.content == b.content:
        return False
    one, other = _said(a, b), _said(b, a)
    if one == other:
        return False
    return not (a.parted or b.parted) or all(one[i:] + one[:i] != other for i in range(1, len(one)))


def _said(a: Wording, b: Wording) -> list[str]:
    """Of one question what is in the other too, and its small words whether they are or not."""
    return [word for word in a.content if word in b.content or (word not in a.written and word not in SELVES)]


def _other_form(a: Wording, b: Wording) -> bool:
    """Whether a verb that both have is past or passive in one alone: `lived` and `live`, `is paid` and `pays`."""
    return any(past(a.written[word]) != past(b.written[word]) for word in a.written.keys() & b.written.keys())


def _lacks(names: Iterable[str], other: Wording) -> bool:
    """Whether a name of one question is nowhere in the other, not even misspelt."""
    return any(
        name not in other.words
        and not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", other.text)
        and not (name.isalpha() and any(misspelt(name, word) for word in other.words))
        for name in names
    )


def _opposed(a: Iterable[str], b: Iterable[str]) -> bool:
    """Whether a word of one has its opposite in the other, each without the other's word."""
    one, other = frozenset(a), frozenset(b)
    return any(
        opposite in other and word not in other and opposite not in one
        for word in one & OPPOSITES.keys()
        for opposite in OPPOSITES[word]
    ) or any(prefix + word in x for x, y in ((one, other), (other, one)) for word in y - x for prefix in _PREFIXES)
