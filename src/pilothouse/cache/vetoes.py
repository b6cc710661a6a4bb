"""What parts two questions that an encoder finds alike: other numbers, names, times, a negation, a word more.

Vectors of sentences hardly move when one figure, one name or one "not" changes, and the answer changes altogether.
When in doubt they part: a miss costs a call, a false hit an answer that is wrong. Pure functions over wordings.
"""

import re
from collections.abc import Iterable

from pilothouse.cache.vocabulary import OPPOSITES
from pilothouse.cache.word_forms import LIGHT, SYNONYMS, misspelt
from pilothouse.cache.wording import Wording

__all__ = ["conflict"]

_PREFIXES = ("un", "in", "im", "non", "dis", "ir", "il")
_OPEN = frozenset((frozenset(("what",)),))
_OPEN_TO = frozenset(("how", "duration", "count", "degree"))
_JOINING = (("and",), ("or",))  # what these join may stand in either order
_NEAR = 2  # words apart, at most, of a pair whose order is looked at


def conflict(a: Wording, b: Wording) -> str | None:
    """Why an answer to one question does not serve the other, None where nothing parts them.

    One of `language`, `numbers`, `units`, `times` (and what is before, after or since), `quantifiers`, `negation`,
    `question`, `modality`, `tense`, `opposites`, `names`, `direction` (to and from a place), `order` (who does what to
    whom), `words` (one is about something that the other does not mention).
    """
    if a.language != b.language and None not in (a.language, b.language):
        return "language"
    for name in ("numbers", "units", "times", "quantifiers"):
        if getattr(a, name) != getattr(b, name):
            return name
    if a.denied != b.denied:
        return "negation"
    if (
        a.kinds
        and b.kinds
        and a.kinds != b.kinds
        and not (_OPEN & {a.kinds, b.kinds} and _OPEN_TO & (a.kinds | b.kinds))
    ):
        return "question"
    if a.modality and b.modality and a.modality != b.modality:
        return "modality"
    if (a.tense and b.tense and a.tense != b.tense) or _simple_past(a, b) or _simple_past(b, a):
        return "tense"
    return _by_words(a, b)


def _by_words(a: Wording, b: Wording) -> str | None:
    if _opposed(a.written.keys(), b.written.keys()):
        return "opposites"
    if a.quoted != b.quoted or _lacks(a.names, b) or _lacks(b.names, a):
        return "names"
    if any(b.directions.get(word, way) != way for word, way in a.directions.items()):
        return "direction"
    if _residue(a, b) or _repeated(a, b):
        return "words"
    return "order" if _turned_round(a, b) else None


def _residue(a: Wording, b: Wording) -> bool:
    """Whether a word of one question has no like in the other: any that says something, or light ones on both sides
    (`start` and `use`, each without its like, ask for two things)."""
    left = a.written.keys() - b.written.keys()
    right = b.written.keys() - a.written.keys()
    for word in tuple(left):
        for other in right:
            if not SYNONYMS.get(word, _NONE).isdisjoint(SYNONYMS.get(other, _NONE)) or misspelt(
                a.written[word], b.written[other]
            ):
                left.discard(word)
                right.discard(other)
                break
    return bool(left and right) or not (left | right) <= LIGHT


def _repeated(a: Wording, b: Wording) -> bool:
    """Whether a word that both have is there more often in one."""
    if len(a.content) == len(a.written) and len(b.content) == len(b.written):
        return False
    return any(a.content.count(word) != b.content.count(word) for word in a.written.keys() & b.written.keys())


_NONE: frozenset[int] = frozenset()


def _turned_round(a: Wording, b: Wording) -> bool:
    """Whether two words stand in the other order with the same words between them (`a trailer with a car`), or on the
    other sides of one (`children travel without parents`)."""
    pairs = _pairs(b)
    if any(pairs.get((y, x)) == link and link not in _JOINING for (x, y), link in _pairs(a).items() if x != y):
        return True
    around = _around(b)
    return any((y, middle, x) in around for x, middle, y in _around(a))


def _pairs(wording: Wording) -> dict[tuple[str, str], tuple[str, ...]]:
    """Words near each other, in their order, and what stands between them."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    content, between = wording.content, wording.between
    for i, word in enumerate(content):
        link: tuple[str, ...] = ()
        for j in range(i + 1, min(i + 1 + _NEAR, len(content))):
            link = (*link, *between[j])
            found.setdefault((word, content[j]), link)
            link = (*link, content[j])
    return found


def _around(wording: Wording) -> set[tuple[str, str, str]]:
    """Each word between two others near it."""
    content = wording.content
    return {
        (before, middle, after)
        for i, middle in enumerate(content)
        for before in content[max(0, i - _NEAR) : i]
        for after in content[i + 1 : i + 1 + _NEAR]
        if len({before, middle, after}) == 3
    }


def _simple_past(a: Wording, b: Wording) -> bool:
    """Whether a verb in the simple past of one is in the present in the other: `lived` and `live`."""
    return any(word in b.written and not b.written[word].endswith(("ed", "ing")) for word in a.pasts - b.pasts)


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
