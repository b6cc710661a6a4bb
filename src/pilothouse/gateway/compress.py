"""Shorter texts that say the same, or nearly: a lossless clean-up, and an extract by relevance to a question.

Plain functions on text. Knows nothing of requests or models. Lengths are characters: tokens follow them closely enough
for shares.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence

__all__ = ["extract", "question_in", "tidied"]

_TRAILING = re.compile(r"[ \t]+(?=\n|\Z)")
_BLANK_LINES = re.compile(r"\n{4,}")
_JSON_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|\s+')
_UNIT = re.compile(r"(?:```.*?```|[^\n]*?[.!?](?=\s)|[^\n]+|\n)\s*", re.DOTALL)
_WORD = re.compile(r"[^\W_]+")
_COMMON = frozenset(
    _WORD.findall(
        """
        a an and are as at be been but by can did do does for from had has have how i if in into is it its me of on or
        our so than that the their them there these they this those to was we were what when where which who why will
        with would you your about
        """
    )
)
_NEIGHBOUR = 0.35  # what a unit takes of the score of the ones beside it: evidence runs over sentence borders
_SHORTEST = 400  # characters: nothing shorter is worth cutting
_LONGEST_QUESTION = 120  # words


def tidied(text: str) -> str:
    """Without trailing blanks, with at most two blank lines in a row; a text that is JSON without its layout.

    Nothing that a reader could miss is gone. Two blanks that end a line are kept: they break it in Markdown.
    """
    if not _looks_untidy(text):
        return text
    if text[:1] in "[{" and text.rstrip()[-1:] in "]}" and _is_json(text):
        return _JSON_PIECE.sub(lambda piece: piece.group() if piece.group()[0] == '"' else "", text)
    text = _TRAILING.sub(lambda blanks: "  " if blanks.group() == "  " and blanks.end() < len(text) else "", text)
    return _BLANK_LINES.sub("\n\n\n", text)


def question_in(text: str) -> str:
    """What a message asks: its last paragraph where that is short, else its sentences that end in a question mark."""
    paragraphs = [part for part in re.split(r"\n\s*\n", text.strip()) if part.strip()]
    last = paragraphs[-1] if paragraphs else ""
    if len(last.split()) <= _LONGEST_QUESTION:
        return last
    asked = [unit.strip() for unit in _units(text) if unit.rstrip().endswith("?")]
    return " ".join(asked) or last[-600:]


def extract(text: str, question: str, share: float) -> str:
    """The sentences and lines that bear on the question, in their order, up to `share` of the text's length.

    A unit scores by the rare words it has in common with the question (inverse document frequency over the units, as in
    BM25 with k1 = 1.2, b = 0.3), and by its neighbours. A text without a word of the question loses its end instead.
    """
    if len(text) < _SHORTEST or share >= 1:
        return text
    units = _units(text)
    scores = _scores([_stems(unit) for unit in units], set(_stems(question)))
    room = int(len(text) * share)
    kept: set[int] = set()
    for i in sorted(range(len(units)), key=lambda i: (-scores[i], i)):
        if len(units[i]) <= room:
            kept.add(i)
            room -= len(units[i])
    return "".join(unit if i in kept else "" for i, unit in enumerate(units)).strip()


def _looks_untidy(text: str) -> bool:
    """Plain searches: a regular expression costs a hundred times as much, on every request."""
    if " \n" in text or "\t\n" in text or "\n\n\n\n" in text or text[-1:] in (" ", "\t"):
        return True
    return text[:1] in ("[", "{") and "\n" in text


def _units(text: str) -> list[str]:
    """Sentences, lines and fenced blocks, each with the blanks after it; joined they are the text."""
    return _UNIT.findall(text)


def _stems(text: str) -> list[str]:
    """Words in lower case, without common ones and without a plural or verb ending: enough to meet their relatives."""
    words = (word.lower() for word in _WORD.findall(text))
    return [re.sub(r"(?<=\w{3})(?:ies|es|s|ing|ed|ly)\Z", "", word) for word in words if word not in _COMMON]


def _scores(units: Sequence[Sequence[str]], asked: set[str]) -> list[float]:
    counts = [Counter(unit) for unit in units]
    seen = Counter(word for count in counts for word in count.keys() & asked)
    rarity = {word: math.log(1 + (len(units) - n + 0.5) / (n + 0.5)) for word, n in seen.items()}
    mean = sum(map(len, units)) / max(1, len(units)) or 1.0
    own = []
    for unit, count in zip(units, counts, strict=True):
        norm = 1.2 * (0.7 + 0.3 * len(unit) / mean)
        own.append(sum(rarity[word] * count[word] * 2.2 / (count[word] + norm) for word in count.keys() & asked))
    beside = [0.0, *own, 0.0]
    return [score + _NEIGHBOUR * (beside[i] + beside[i + 2]) for i, score in enumerate(own)]


def _is_json(text: str) -> bool:
    import msgspec  # noqa: PLC0415 - only for texts that look like JSON

    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return False
    return True
