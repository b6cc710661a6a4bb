"""Reads from a question what an answer to it depends on: its numbers, names, times, kind, and the words it is about.

A wording is read once and compared often: with every cached question that is near it. Pure functions over English, and
over what is the same in any language (numbers, names, scripts). Knows nothing of what it will be compared with.
"""

import re
from dataclasses import dataclass

from pilothouse.cache.question_kinds import KINDS, MODALITIES, REQUESTS, YES_OR_NO
from pilothouse.cache.vocabulary import (
    ANCHORS,
    COMMON_CAPITALS,
    FILLERS,
    FUNCTION_WORDS,
    INFINITIVES,
    NEGATIONS,
    NUMBER_WORDS,
    PARTIES,
    PER,
    PERSONS,
    POSSESSIVES,
    PREPOSITIONS,
    QUANTIFIERS,
    SELVES,
    TIMES,
    UNITS,
    VOID,
)
from pilothouse.cache.word_forms import AROUND_TALK, TALK, root

__all__ = ["Wording", "read"]

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*", re.UNICODE)
_TOKEN = re.compile(r"\d[\d,]*(?:\.\d+)?|[^\W\d_]+(?:'[^\W\d_]+)*", re.UNICODE)
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d[\d,]*(?:\.\d+)?|\d+")
_QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|`([^`]+)`|(?<!\w)'([^']+)'(?!\w)")
_IDENTIFIER = re.compile(r"\b(?:\w+(?:[_./:@]\w+)+|[a-z]+[A-Z]\w*|\w*\d\w*[A-Za-z]\w*|[A-Za-z]\w*\d\w*)\b")
_MAY_BE_IDENTIFIER = re.compile(r"[\d_./:@]\w|[a-z][A-Z]")
_SENTENCE = re.compile(r"(?:^|[.!?:]\s+|\n\s*)[\s\"'“(*•-]*(\w+)")
_PER = re.compile(PER)
_EACH = re.compile(r"\b(?:each|every|all)(?= (?:the )?(?:\d+|day|night|week|month|quarter|year|time|hour|morning)\b)")
_CLAUSE = re.compile(r"(?<=[.?!:;,])\s+|\bbut\b|\n+")
_GOOD_DAY = re.compile(r"\bgood (?:morning|afternoon|evening|day)\b", re.IGNORECASE)
_DIGIT = re.compile(r"\d")
_REQUEST = re.compile(REQUESTS)
_KINDS = tuple(kind for _, kind in KINDS)
_KIND = re.compile("|".join(f"({pattern})" for pattern, _ in KINDS))  # the group that matches is the kind's number
_YES_OR_NO = re.compile(YES_OR_NO)
_OPEN = re.compile(r"\b(?:what|which|whats)\b")
_MODALITIES = tuple((re.compile(pattern), modality) for pattern, modality in MODALITIES)
_PAST = re.compile(r"\b(?:was|were|did|had)(?:n't)?\b")
_PRESENT = re.compile(r"\b(?:is|are|am|do|does|has|have|can|may|must|should)\b")
_FUTURE = re.compile(r"\b(?:will|won't)\b")
_ME, _I = re.compile(r"\bme\b"), re.compile(r"\bi\b|\bi'")
_PARTY = re.compile(rf"\b(?:{'|'.join(PARTIES)})\b")
_DOING = re.compile(r"\W*\w+ing\b")
_PARTED = re.compile(r"[,:.]\s")
_ENDED = re.compile(r"ed\b")
_NO_NAMES = COMMON_CAPITALS | TIMES.keys()
_APART = (
    FILLERS | NUMBER_WORDS.keys() | TIMES.keys() | ANCHORS.keys() | QUANTIFIERS.keys() | NEGATIONS
)  # compared by rules of their own, or not at all
_SMALL = FILLERS | NEGATIONS
_ASKING = frozenset(("what", "which", "who", "whom", "whose", "when", "where", "why", "how"))
_YES, _WHAT, _HOW = frozenset(("yes or no",)), frozenset(("what",)), frozenset(("how",))
_NO_COUNT = frozenset(("which", "this", "that", "the", "no", "any", "every", "each", "some", "other", "another"))
_SCRIPTS = (
    ("Cyrillic", "\u0400", "\u052f"), ("Greek", "\u0370", "\u03ff"), ("Hebrew", "\u0590", "\u05ff"),
    ("Arabic", "\u0600", "\u06ff"), ("Devanagari", "\u0900", "\u097f"), ("Thai", "\u0e00", "\u0e7f"),
    ("Kana", "\u3040", "\u30ff"), ("Han", "\u4e00", "\u9fff"), ("Hangul", "\uac00", "\ud7af"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wording:
    """What of a question must be the same in another for one answer to serve both.

    `kinds` is what is asked for (when, how, a number, yes or no ...) where the wording says so, `modality` whether it
    asks for what may, must or should be. `content` is all that counts in its order: roots of the words it is about,
    numbers with a `#`, small words as they are; `written` has each root as it stands, `places` the preposition before
    it, `owners` those with an `'s`; `persons` says whether he or she is spoken of, or only of what is done to me.
    `parties` are who of the asker and the asked is spoken of, `possessors` who of them has something (`my`, `your`).
    `parted` is true where a comma or the like parts it.
    """

    text: str
    words: frozenset[str]
    numbers: tuple[str, ...]
    units: frozenset[str]
    times: frozenset[str]
    quantifiers: frozenset[str]
    denied: bool
    kinds: frozenset[str]
    modality: str | None
    tense: str | None
    language: str | None
    quoted: frozenset[str]
    names: frozenset[str]
    content: tuple[str, ...]
    written: dict[str, str]
    places: dict[str, str]
    owners: frozenset[str]
    persons: frozenset[str]
    parties: frozenset[str]
    possessors: frozenset[str]
    parted: bool


def read(text: str) -> Wording:
    """One question, as far as these rules understand it."""
    text = _question(text.replace("’", "'"))
    lower = text.lower()
    asked = _REQUEST.sub("", lower)
    words = _WORD.findall(lower)
    vocabulary = frozenset(words)
    spoken = frozenset(_PARTY.findall(asked))
    kinds = _kinds(asked)
    content, written, places, owners = _content(_KIND.sub(" ", asked))  # "the reason": the kind says it
    return Wording(
        text=lower,
        words=vocabulary,
        numbers=_numbers(text, words),
        units=frozenset(UNITS[w] for w in vocabulary & UNITS.keys()),
        times=frozenset(
            [TIMES[w] for w in vocabulary & TIMES.keys()]
            + [ANCHORS[w] for w in vocabulary & ANCHORS.keys()]
            + _PER.findall(lower)
        ),
        quantifiers=frozenset(QUANTIFIERS[w] for w in _quantifiers(lower, vocabulary)),
        denied=sum(w in NEGATIONS or w.endswith("n't") for w in words) % 2 == 1,
        kinds=kinds,
        modality=_modality(asked),
        tense=_tense(asked, kinds),
        language=_language(vocabulary, text),
        quoted=_quoted(text),
        names=_names(text),
        content=content,
        written=written,
        places=places,
        owners=owners,
        persons=frozenset(PERSONS[w] for w in words if w in PERSONS) | _patient(asked),
        parties=frozenset(PARTIES[w] for w in spoken),
        possessors=frozenset(PARTIES[w] for w in spoken & POSSESSIVES),
        parted=_PARTED.search(asked) is not None,
    )


def _question(text: str) -> str:
    """The text without the clauses that are only about asking; the whole where nothing else is left."""
    clauses = _CLAUSE.split(_GOOD_DAY.sub("Hello", text))
    if len(clauses) == 1:
        return text
    return " ".join(clause for clause in clauses if not _talk(clause.lower())) or text


def _talk(clause: str) -> bool:
    """`thanks in advance`, `I was wondering`: about asking, without a number or a question of its own."""
    words = _WORD.findall(clause)
    found = [root(word) for word in words]
    return (
        not TALK.isdisjoint(found)
        and all(r in TALK or r in AROUND_TALK or word in _SMALL for word, r in zip(words, found, strict=True))
        and _ASKING.isdisjoint(words)
        and not _DIGIT.search(clause)
    )


def _kinds(asked: str) -> frozenset[str]:
    found = frozenset(_KINDS[(match.lastindex or 1) - 1] for match in _KIND.finditer(asked))
    if _YES_OR_NO.search(asked):
        return found | _YES
    if found:
        return found
    if _OPEN.search(asked):
        return _WHAT
    return _HOW if _DOING.match(asked) else found  # "Pausing a contract" asks how


def _content(asked: str) -> tuple[tuple[str, ...], dict[str, str], dict[str, str], frozenset[str]]:
    """The words that count, each root as it is written, the preposition before it, and who has an `'s`."""
    content: list[str] = []
    written: dict[str, str] = {}
    places: dict[str, str] = {}
    owners: set[str] = set()
    preposition, before = None, ""
    tokens = _TOKEN.findall(asked)
    for at, word in enumerate(tokens):
        bare = word.removesuffix("'s")
        if word[0].isdigit():
            content.append("#" + _value(word))
        elif word in NUMBER_WORDS or (word == "one" and _counts(tokens, at)):
            content.append("#" + NUMBER_WORDS.get(word, "1"))
        elif word in SELVES:
            content.append(word)  # what I do before they do is not what they do before I do
        elif bare not in _APART:
            found = root(bare)
            content.append(found)
            written.setdefault(found, bare)
            if preposition is not None:
                places.setdefault(found, preposition)
            if bare != word:
                owners.add(found)
            preposition = None
        elif not (word in VOID or (word == "to" and before in INFINITIVES)):
            content.append(word)
        if word in PREPOSITIONS and not (word == "to" and (before in INFINITIVES or not before)):
            preposition = word
        before = word
    return tuple(content), written, places, frozenset(owners)


def _patient(asked: str) -> frozenset[str]:
    """`me` where nothing is said of what I do: there something is done to me."""
    return frozenset(("me",)) if _ME.search(asked) and not _I.search(asked) else frozenset()


def _counts(tokens: list[str], at: int) -> bool:
    """Whether `one` is a number: before what it counts, and not `which one`, `the one`."""
    after = tokens[at + 1] if at + 1 < len(tokens) else ""
    return after not in _APART and after != "" and tokens[at - 1] not in _NO_COUNT


def _numbers(text: str, words: list[str]) -> tuple[str, ...]:
    written = [_value(number) for number in _NUMBER.findall(text)]
    return tuple(sorted(written + [NUMBER_WORDS[word] for word in words if word in NUMBER_WORDS]))


def _value(number: str) -> str:
    """1,000 and 1000 are one number, 3.50 and 3.5 too."""
    plain = number.replace(",", "").lstrip("+")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain.lstrip("0") or "0"


def _quantifiers(lower: str, vocabulary: frozenset[str]) -> frozenset[str]:
    """`every customer` counts, `every month` is a time."""
    found = vocabulary & QUANTIFIERS.keys()
    return found & frozenset(_WORD.findall(_EACH.sub("", lower))) if found else found


def _modality(asked: str) -> str | None:
    return next((modality for pattern, modality in _MODALITIES if pattern.search(asked)), None)


def _tense(asked: str, kinds: frozenset[str]) -> str | None:
    """`past` where an auxiliary is; else `present` or `future`, by the auxiliaries, if no verb says otherwise."""
    if _PAST.search(asked):
        return "past"
    present, future = _PRESENT.search(asked) is not None, _FUTURE.search(asked) is not None
    if future and "yes or no" not in kinds:  # "Will it fit?" asks what "Does it fit?" does
        return None if present else "future"
    return "present" if present or future or not _ENDED.search(asked) else None


def _quoted(text: str) -> frozenset[str]:
    if text.isascii() and not any(mark in text for mark in "\"'`"):
        return frozenset()
    return frozenset(part.lower() for found in _QUOTED.findall(text) for part in found if part)


def _names(text: str) -> frozenset[str]:
    """Identifiers, and capitalised words that do not begin a sentence, in lower case."""
    found: set[str] = set()
    if _MAY_BE_IDENTIFIER.search(text):
        found.update(match.lower() for match in _IDENTIFIER.findall(text))
    if text[1:].islower():
        return frozenset(found)
    starts = {match.start(1) for match in _SENTENCE.finditer(text)}
    for match in _WORD.finditer(text):
        word = match.group()
        shouted = len(word) > 1 and word.isupper()
        if word[0].isupper() and (shouted or match.start() not in starts) and word.lower() not in _NO_NAMES:
            found.add(word.lower().removesuffix("'s").removesuffix("’s"))
    return frozenset(found)


def _language(vocabulary: frozenset[str], text: str) -> str | None:
    """The script, where it is not Latin; else the language whose function words stand out, if one does."""
    if not text.isascii():
        for letter in text:
            for script, first, last in _SCRIPTS:
                if first <= letter <= last:
                    return "Han" if script == "Kana" else script
    counts = {name: len(vocabulary & known) for name, known in FUNCTION_WORDS.items()}
    english = counts.pop("en")
    best = max(counts, key=counts.__getitem__)
    if counts[best] >= 2 and counts[best] > english:
        return best
    return "en" if english >= 2 else None
