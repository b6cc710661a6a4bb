"""What parts two questions that an encoder finds alike: other numbers, names, times, a negation, an opposite.

Vectors of sentences hardly move when one figure, one name or one "not" changes, and the answer changes altogether.
Pure functions over English, and over what is the same in any language (numbers, names, scripts). When in doubt they
part: a miss costs a call, a false hit an answer that is wrong.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches

from pilothouse.cache.vocabulary import (
    COMMON_CAPITALS,
    FILLERS,
    FUNCTION_WORDS,
    LIMITS,
    NEGATIONS,
    NUMBER_WORDS,
    OPPOSITES,
    PER,
    QUESTIONS,
    TIMES,
    UNITS,
    stem,
)

__all__ = ["conflict"]

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*", re.UNICODE)
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d[\d,]*(?:\.\d+)?|\d+")
_QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|`([^`]+)`|(?<!\w)'([^']+)'(?!\w)")
_IDENTIFIER = re.compile(r"\b(?:\w+(?:[_./:@-]\w+)+|[a-z]+[A-Z]\w*|\w*\d\w*[A-Za-z]\w*|[A-Za-z]\w*\d\w*)\b")
_SENTENCE = re.compile(r"(?:^|[.!?:]\s+|\n\s*)[\"'“(]*(\w+)")
_MISSPELT = 0.9  # of difflib: one letter in ten; Austria and Australia are further apart
_PER = re.compile(PER)
_FROM = re.compile(r"\bfrom (?:the |a |an |my )?(\w+)")
_ELSEWHERE = FILLERS | NUMBER_WORDS.keys() | TIMES.keys()  # compared by rules of their own, or not at all
_NO_NAMES = COMMON_CAPITALS | TIMES.keys()
_PREFIXES = ("un", "in", "im", "non", "dis", "ir", "il")
_SCRIPTS = (
    ("Cyrillic", "\u0400", "\u052f"), ("Greek", "\u0370", "\u03ff"), ("Hebrew", "\u0590", "\u05ff"),
    ("Arabic", "\u0600", "\u06ff"), ("Devanagari", "\u0900", "\u097f"), ("Thai", "\u0e00", "\u0e7f"),
    ("Kana", "\u3040", "\u30ff"), ("Han", "\u4e00", "\u9fff"), ("Hangul", "\uac00", "\ud7af"),
)  # fmt: skip


class _Features:
    """What of a question must be the same in another for one answer to serve both."""

    def __init__(self, text: str) -> None:
        lower = text.lower().replace("’", "'")
        self.words = _WORD.findall(lower)
        self.vocabulary = frozenset(self.words)
        self.stems = frozenset(map(stem, self.words))
        self.numbers = sorted(
            [_value(n) for n in _NUMBER.findall(text)] + [NUMBER_WORDS[w] for w in self.words if w in NUMBER_WORDS]
        )
        self.units = frozenset(UNITS[w] for w in self.words if w in UNITS)
        self.times = frozenset(TIMES[w] for w in self.words if w in TIMES) | frozenset(_PER.findall(lower))
        self.limits = self.vocabulary & LIMITS
        self.content = frozenset(stem(w) for w in self.words if w not in _ELSEWHERE)
        self.origins = frozenset(_FROM.findall(lower))
        self.negations = sum(w in NEGATIONS or w.endswith("n't") for w in self.words)
        self.question = _question(lower)
        self.language = _language(self.words, text)
        self.quoted = frozenset(part.lower() for found in _QUOTED.findall(text) for part in found if part)
        self.names = _names(text) | frozenset(m.lower() for m in _IDENTIFIER.findall(text))
        self.text = lower


def conflict(one: str, other: str) -> str | None:
    """Why an answer to one question does not serve the other, None where nothing parts them.

    One of `language`, `numbers`, `units`, `times`, `limits`, `negation`, `question`, `opposites`, `names`, `direction`
    (from another place), `detail` (one says more than the other).
    """
    a, b = _Features(one), _Features(other)
    if a.language != b.language and None not in (a.language, b.language):
        return "language"
    if a.numbers != b.numbers:
        return "numbers"
    if a.units != b.units:
        return "units"
    if a.times != b.times:
        return "times"
    if a.limits != b.limits:
        return "limits"
    if a.negations % 2 != b.negations % 2:
        return "negation"
    if a.question and b.question and a.question != b.question:
        return "question"
    if _opposed(a.stems, b.stems):
        return "opposites"
    if a.quoted != b.quoted or _lacks(a.names, b) or _lacks(b.names, a):
        return "names"
    if a.origins and b.origins and a.origins != b.origins:
        return "direction"
    if a.content < b.content or b.content < a.content:
        return "detail"
    return None


def _lacks(names: Iterable[str], other: _Features) -> bool:
    """Whether a name of one question is nowhere in the other, not even misspelt."""
    return any(
        name not in other.vocabulary
        and not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", other.text)
        and not (len(name) > 6 and name.isalpha() and get_close_matches(name, other.words, 1, _MISSPELT))
        for name in names
    )


def _opposed(a: frozenset[str], b: frozenset[str]) -> bool:
    """Whether a word of one has its opposite in the other, each without the other's word."""
    return any(
        opposite in b and word not in b and opposite not in a for word in a for opposite in OPPOSITES.get(word, ())
    ) or any(prefix + word in one for one, other in ((a, b), (b, a)) for word in other - one for prefix in _PREFIXES)


def _question(lower: str) -> str | None:
    """What is asked for, where the wording says so; `what`, `which` and yes-or-no questions leave it open."""
    return next((kind for pattern, kind in QUESTIONS if re.search(pattern, lower)), None)


def _names(text: str) -> frozenset[str]:
    """Capitalised words that do not begin a sentence, in lower case."""
    starts = {match.start(1) for match in _SENTENCE.finditer(text)}
    found = set()
    for match in _WORD.finditer(text):
        word = match.group()
        shouted = len(word) > 1 and word.isupper()
        if word[0].isupper() and word.lower() not in _NO_NAMES and (shouted or match.start() not in starts):
            found.add(word.lower().removesuffix("'s").removesuffix("’s"))
    return frozenset(found)


def _value(number: str) -> str:
    """1,000 and 1000 are one number, 3.50 and 3.5 too."""
    plain = number.replace(",", "").lstrip("+")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain.lstrip("0") or "0"


def _language(words: list[str], text: str) -> str | None:
    """The script, where it is not Latin; else the language whose function words stand out, if one does."""
    for letter in text:
        for script, first, last in _SCRIPTS:
            if first <= letter <= last:
                return "Han" if script == "Kana" else script
    english = sum(word in FUNCTION_WORDS["en"] for word in words)
    counts = {name: sum(w in known for w in words) for name, known in FUNCTION_WORDS.items() if name != "en"}
    best = max(counts, key=lambda name: counts[name])
    if counts[best] >= 2 and counts[best] > english:
        return best
    return "en" if english >= 2 else None
