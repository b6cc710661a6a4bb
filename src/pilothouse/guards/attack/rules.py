"""Prompt injection and jailbreaks by the phrases that they need, in every form that a text can be read in."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

from pilothouse.errors import ConfigError
from pilothouse.guarded import Finding, GuardResult
from pilothouse.guarding import Action, Stage
from pilothouse.guards.attack.phrases import PHRASES, Phrase
from pilothouse.guards.normal.folding import folded
from pilothouse.guards.normal.forms import Form, Normal, normal_of
from pilothouse.protocols import Guard, Subject

__all__ = ["Hit", "InjectionRules", "hits_of"]

_NEAR = 1500
"""Characters within which phrases count together: a long text is no attack for holding many weak signs far apart."""
_MOST = 1000
"""Places of one phrase in one form."""
_UNWRITTEN = 0.3
"""How sure it makes us that a phrase had to be decoded or unhidden first."""
_UNMARKED = frozenset((("html",), ("url",), ("markup",)))
"""Ways that are common in honest texts."""

_GAP, _FILLER = r"[\W_]{1,6}", r"(?:[\w']{1,20}[^\w']{1,6}){0,5}?"
_TIGHT_GAP, _TIGHT_FILLER = r"[\W_]{0,6}", r"[\w ]{0,40}?"
_MENTION = re.compile(
    r"\b(?:what (?:does|do|is|are)|mean(?:s|ing)?|explain|examples?|such as|phrases? like|prompts? like|texts? like|"
    r"attack(?:s|ers?)?|injections?|detect(?:s|ing|ion)?|prevent(?:s|ing)?|defend|article|blog|paper|translate|sentence|grammar|quote|called)\b"
)
_WORD = re.compile(r"[^\W_]+")
_LAST_OF_LETTERS = "\u2fff"
"""Scripts above it have no blanks between words."""
_QUOTES = "\"'`"


class Hit(NamedTuple):
    """A phrase at its place in the text."""

    phrase: int
    kind: str
    weight: float
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class InjectionRules(Guard):
    """Triggers where phrases of attacks make it as sure as `threshold` within 1,500 characters.

    Phrases are looked for in the text as it looks, and decoded, unhidden and spelled plainly. What is quoted in a text
    that speaks about attacks counts half. Says nothing of attacks that use words of their own: see the guard
    `injection`, which has learned.
    """

    stages: ClassVar[frozenset[Stage]] = frozenset(("input", "tool", "retrieval"))
    reads: ClassVar[Literal["ahead", "window", "whole"]] = "whole"
    action: ClassVar[Action] = "block"

    threshold: float = 0.5
    name: str = "injection_rules"

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ConfigError(f"{self.name}.threshold: must be above 0 and at most 1.", param=f"{self.name}.threshold")

    async def check(self, subject: Subject) -> GuardResult:
        if subject.role in ("system", "assistant") and subject.stage == "input":
            return GuardResult.skipped(self.name, "What the application and the model say themselves is no attack.")
        hits = subject.once(_hits)
        score, near = _surest(hits, self.threshold)
        if not near:
            return GuardResult.passed(self.name, score=score)
        kinds = sorted({hit.kind for hit in near})
        found = {(hit.start, hit.end): Finding(hit.kind, hit.start, hit.end, score=hit.weight) for hit in near}
        return GuardResult.triggered(
            self.name, f"The text reads like an attack on a model ({', '.join(kinds)}).", score=score,
            findings=tuple(found[place] for place in sorted(found)), detail={"kinds": kinds},
        )  # fmt: skip


def _hits(subject: Subject) -> Sequence[Hit]:
    return hits_of(subject.once(normal_of))


def hits_of(normal: Normal) -> Sequence[Hit]:
    """Every phrase in every form, by its place in the text."""
    return sorted((hit for form in normal.forms for hit in _in_form(form)), key=lambda hit: hit.start)


def _in_form(form: Form) -> Iterator[Hit]:
    spelling = form.how[-1] if form.how else ""
    rules = _LEET if spelling == "leetspeak" else _TIGHT if spelling == "letters apart" else _LOOSE
    words = frozenset(_WORD.findall(form.text))
    extra = 0.0 if not form.how or form.how in _UNMARKED else _UNWRITTEN
    for number, (phrase, pattern) in enumerate(rules.patterns):
        if not _may_be(phrase, form.text, words, joined=rules is _TIGHT):
            continue
        for count, found in enumerate(pattern.finditer(form.text)):
            if count == _MOST:
                break
            weight = phrase.weight if extra else phrase.weight * (0.5 if _mentioned(form.text, *found.span()) else 1)
            yield Hit(number, phrase.kind, 1 - (1 - weight) * (1 - extra), *form.span(*found.span()))


def _may_be(phrase: Phrase, text: str, words: frozenset[str], *, joined: bool) -> bool:
    """Whether a word of each group is there."""
    if joined or phrase.anchors[0][0] > _LAST_OF_LETTERS:
        return all(any(word in text for word in group) for group in phrase.anchors)
    return not any(words.isdisjoint(group) for group in phrase.anchors)


def _mentioned(text: str, start: int, end: int) -> bool:
    """Whether it stands in quotes, after words about it."""
    before = text[max(0, start - 40) : start]
    quoted = any(mark in before and mark in text[end : end + 80] for mark in _QUOTES)
    return quoted and _MENTION.search(text, max(0, start - 120), start) is not None


def _surest(hits: Sequence[Hit], threshold: float) -> tuple[float, Sequence[Hit]]:
    """How sure the phrases make us where they are closest, each counted once, and those wherever that is enough."""
    best, enough, first, told = 0.0, list[Hit](), 0, 0
    weights = dict[int, list[float]]()
    for last, hit in enumerate(hits):
        weights.setdefault(hit.phrase, []).append(hit.weight)
        while hits[first].start < hit.start - _NEAR:
            weights[hits[first].phrase].pop(0)
            first += 1
        doubt = 1.0
        for one in weights.values():
            doubt *= 1 - max(one, default=0.0)
        best = max(best, 1 - doubt)
        if 1 - doubt >= threshold:
            enough += hits[max(first, told) : last + 1]
            told = last + 1
    return best, enough


class _Rules(NamedTuple):
    patterns: tuple[tuple[Phrase, re.Pattern[str]], ...]


def _rules(gap: str, filler: str, edges: tuple[str, str], *, as_leet: bool = False) -> _Rules:
    made = []
    for phrase in PHRASES:
        text = folded(phrase.text).text
        anchors = tuple(tuple(folded(word).text.partition("'")[0] for word in group) for group in phrase.anchors)
        if as_leet:
            text = text.replace("l", "i")
            anchors = tuple(tuple(word.replace("l", "i") for word in group) for group in anchors)
        pattern = edges[0] + "(?:" + text.replace(" ~", gap + filler).replace(" ", gap) + ")" + edges[1]
        made.append((phrase._replace(anchors=anchors), re.compile(pattern)))
    return _Rules(tuple(made))


_EDGES = (r"(?<![^\W_])", r"(?![^\W_])")
_LOOSE = _rules(_GAP, _FILLER, _EDGES)
_TIGHT = _rules(_TIGHT_GAP, _TIGHT_FILLER, ("", ""))
_LEET = _rules(_GAP, _FILLER, _EDGES, as_leet=True)
