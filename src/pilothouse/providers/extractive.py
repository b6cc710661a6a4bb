"""Answers by quoting: finds the sentences and table rows of the passages that fit the question best, and cites them.

No generative model. An excerpt's score is its similarity to the question (embeddings) plus the share of the question's
words it holds, rarer words weighing more. Knows nothing of HTTP or chunks; the encoder is handed in.
"""

import asyncio
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pilothouse.passages import Passage, parse_passages
from pilothouse.protocols import Encode
from pilothouse.providers.excerpts import Excerpt, excerpts

__all__ = ["NEEDS_PASSAGES", "NOTHING_FITS", "answer"]

NEEDS_PASSAGES = (
    "I am an extractive answerer and can only quote passages: ask a corpus, such as the model 'rag:<corpus>', "
    "or configure a generative model."
)
NOTHING_FITS = "The passages that were found do not answer this question."

_WINDOWS = 48  # excerpts that are embedded, at about 4 ms of CPU each; more change no answer for the better
_ENCODED_CHARACTERS = 250
_MOST, _MOST_CHARACTERS = 4, 1200
# Weights and thresholds were set on the questions of docugami/KG-RAG sec-10-q (all-MiniLM-L6-v2).
_SIMILARITY, _WORDS, _FIGURES, _FIRST = 0.55, 0.7, 0.08, 0.02
_NEAR, _FAR = 0.6, 0.2
_FITS, _FITS_WITH_WORDS, _FITS_WORDS = 0.35, 0.2, 0.5
_KEEP = 0.72
_SAME, _ALIKE = 0.8, 0.3

_WORD = re.compile(r"\d+-[a-z]+\b|\w+(?:[&.,]\w+)*")
_SUFFIX = re.compile(r"(?:ing|ed|ly|es|s|e)$")
_ASKS_FIGURE = re.compile(
    r"\bhow (?:much|many|long|large|big|high|often|old)\b|\bwhen\b|percent|proportion|\b(?:amount|number|rate|total|"
    r"revenues?|sales|price|cost|size|port|income|margin|figures?|expenditures?|expenses?)\b",
    re.IGNORECASE,
)
_STOP = frozenset({
    "a", "about", "across", "after", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "been", "being",
    "between", "both", "but", "by", "can", "could", "describe", "did", "do", "does", "doing", "for", "from", "give",
    "had", "has", "have", "how", "i", "if", "in", "into", "is", "it", "its", "list", "many", "may", "me", "might",
    "more", "most", "much", "my", "no", "not", "of", "on", "or", "our", "out", "over", "please", "provide", "report",
    "reported", "should", "show", "so", "some", "such", "summarize", "tell", "than", "that", "the", "their", "them",
    "then", "there", "these", "they", "this", "those", "to", "under", "up", "use", "used", "using", "was", "we", "were",
    "what", "when", "where", "which", "while", "who", "whom", "why", "will", "with", "would", "you", "your",
})  # fmt: skip


class _Candidate(NamedTuple):
    at: int
    excerpt: Excerpt
    terms: frozenset[str]
    words: float
    similarity: float = 0.0
    score: float = 0.0


async def answer(message: str, encode: Encode) -> str:
    """The answer to a user message that holds passages and a question (see pilothouse.passages)."""
    passages, question = parse_passages(message)
    if not passages:
        return NEEDS_PASSAGES
    candidates = await asyncio.to_thread(_by_words, question, passages)  # about a millisecond per passage
    if not candidates:
        return NOTHING_FITS
    vectors = await encode([question, *(_encoded(candidate.excerpt) for candidate in candidates)])
    similarities = [float(value) for value in vectors[1:] @ vectors[0]]
    return _written(_picked(_scored(question, candidates, similarities, passages)))


def _by_words(question: str, passages: Sequence[Passage]) -> list[_Candidate]:
    """The excerpts that share most with the question's words, at most `_WINDOWS`."""
    wanted = set(terms(" ".join(word for word in question.split() if word.lower() not in _STOP)))
    found = [(excerpt, passage) for passage in passages for excerpt in excerpts(passage)]
    shown = [frozenset(terms(excerpt.text)) for excerpt, _ in found]
    around = [set(terms(excerpt.context)) for excerpt, _ in found]
    places = {passage.number: set(terms(passage.place)) for passage in passages}
    pages = {passage.number: set(terms(passage.text)) for passage in passages}
    seen = Counter(term for s, a, (_, p) in zip(shown, around, found, strict=True) for term in s | a | places[p.number])
    weights = {term: _weight(len(found), seen[term]) for term in wanted}
    total = sum(weights.values()) or 1.0
    candidates = []
    for at, ((excerpt, passage), own, context) in enumerate(zip(found, shown, around, strict=True)):
        place, page = places[passage.number], pages[passage.number]
        held = sum(
            weight * max(term in own, _NEAR * (term in context or term in place), _FAR * (term in page))
            for term, weight in weights.items()
        )
        candidates.append(_Candidate(at, excerpt, own, held / total))
    return sorted(candidates, key=lambda candidate: -candidate.words)[:_WINDOWS]


def _weight(excerpts: int, holding: int) -> float:
    """How much a word tells: inverse document frequency, damped, since documents seldom name their own subject."""
    return math.sqrt(math.log(1 + excerpts / (1 + holding)))


def _scored(
    question: str, candidates: Sequence[_Candidate], similarities: Sequence[float], passages: Sequence[Passage]
) -> list[_Candidate]:
    """With scores, best first. Passages come in their retriever's order, which counts a little."""
    order = {passage.number: at / len(passages) for at, passage in enumerate(passages)}
    figures = _FIGURES if _ASKS_FIGURE.search(question) else 0.0
    scored = [
        candidate._replace(
            similarity=similarity,
            score=_SIMILARITY * similarity
            + _WORDS * candidate.words
            + figures * any(map(str.isdigit, candidate.excerpt.text))
            - _FIRST * order[candidate.excerpt.passage],
        )
        for candidate, similarity in zip(candidates, similarities, strict=True)
    ]
    return sorted(scored, key=lambda candidate: -candidate.score)


def _picked(ranked: Sequence[_Candidate]) -> list[Excerpt]:
    """The few that make the answer, in reading order; none where even the best does not fit the question.

    Each next one is the best that does not repeat what is there (maximal marginal relevance, Carbonell 1998).
    """
    fits = any(
        c.similarity >= _FITS or (c.similarity >= _FITS_WITH_WORDS and c.words >= _FITS_WORDS) for c in ranked[:_MOST]
    )
    picked: list[_Candidate] = []
    left = list(ranked) if fits else []
    room = _MOST_CHARACTERS
    while left and len(picked) < _MOST:
        best = max(left, key=lambda c: c.score - _ALIKE * _likeness(c, picked))
        left.remove(best)
        if best.score < _KEEP * ranked[0].score:
            break
        if _likeness(best, picked) < _SAME and (len(best.excerpt.text) <= room or not picked):
            picked.append(best)
            room -= len(best.excerpt.text)
    return [c.excerpt for c in sorted(picked, key=lambda c: c.at)]


def _likeness(candidate: _Candidate, picked: Sequence[_Candidate]) -> float:
    """The largest Jaccard index of its words with those of one picked before; figures count as words."""
    return max((len(candidate.terms & p.terms) / (len(candidate.terms | p.terms) or 1) for p in picked), default=0.0)


def _written(picked: Sequence[Excerpt]) -> str:
    """Sentences run on; rows and code stand on lines of their own. Each is followed by its passage's number."""
    if not picked:
        return NOTHING_FITS
    text = ""
    alone = False
    for excerpt in picked:
        own_line = excerpt.kind != "prose"
        between = "" if not text else "\n" if own_line or alone else " "
        text += f"{between}{'- ' if own_line else ''}{excerpt.text} [{excerpt.passage}]"
        alone = own_line
    return text


def _encoded(excerpt: Excerpt) -> str:
    return f"{excerpt.context} {excerpt.text}".strip()[:_ENCODED_CHARACTERS]


def terms(text: str) -> Iterator[str]:
    """The words of a text in lower case, without the commonest English endings."""
    for word in _WORD.findall(text.lower()):
        if len(word) > 1:
            stem = _SUFFIX.sub("", word)
            stem = stem if len(stem) > 2 else word
            yield f"{stem[:-1]}i" if stem[-1] == "y" else stem
