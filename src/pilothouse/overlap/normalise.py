"""Whether two short answers are the same but for how they are written. Knows nothing of what they mean.

The normalisation is that of SQuAD (Rajpurkar et al. 2016): case, punctuation, articles and white space do not count.
Before it, characters are brought to one form (Unicode's NFKC), and the punctuation of all scripts goes, not of ASCII
alone.
"""

import re
import unicodedata
from collections.abc import Sequence
from string import punctuation

from pilothouse.overlap.matches import Match, matched, shared
from pilothouse.overlap.tokens import CJK

__all__ = ["exact_match", "normalised", "normalised_match", "token_f1"]

_ASCII_MARKS = str.maketrans("", "", punctuation)
_ARTICLES = frozenset({"a", "an", "the"})
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_DIGIT = re.compile(r"\d")
_DECIMAL = re.compile(r"(?<![\w.])\d++\.\d++(?!\.\d)")
_GROUPED = re.compile(r"(?<![\w,.])\d{1,3}(?:,\d{3})++(?!\d|,\d)")
_POINT = "\ue000"  # stands for a decimal point, \ue001 for a minus, while marks are taken out
_MINUS = "\ue001"
_NEGATIVE = re.compile(r"(?<!\S)[-\u2212](?=\d)")
_PIECES = re.compile(rf"[{CJK}]|[^\s{CJK}]+")


def normalised(text: str, *, numbers: bool = True) -> str:
    """The text in small letters without punctuation, English articles and surplus white space.

    With `numbers`, 1,000.50 and 1000.5 are one, 3.14 stays apart from 314, and -5 from 5. Without, marks in numbers go
    as all others do: for ASCII that is SQuAD's own way, under which 3.14 and 314 are equal.
    """
    text = unicodedata.normalize("NFKC", text).lower()
    numbers = numbers and _DIGIT.search(text) is not None
    if numbers:
        text = _NEGATIVE.sub(_MINUS, text.replace(_POINT, " ").replace(_MINUS, " "))
        text = _GROUPED.sub(lambda match: match[0].replace(",", ""), text)
        text = _DECIMAL.sub(_plain, text)
    text = text.translate(_ASCII_MARKS)
    if not text.isascii():
        text = "".join([c for c in text if not unicodedata.category(c).startswith("P")])
    found = text.split()
    if "".join(found).isalnum():
        return " ".join([word for word in found if word not in _ARTICLES])
    text = " ".join(_ARTICLE.sub(" ", text).split())
    return text.replace(_POINT, ".").replace(_MINUS, "-") if numbers else text


def exact_match(hypothesis: str, references: str | Sequence[str]) -> bool:
    """Whether the text is one of its references, white space at its ends aside."""
    given = [references] if isinstance(references, str) else references
    return hypothesis.strip() in {text.strip() for text in given}


def normalised_match(hypothesis: str, references: str | Sequence[str], *, numbers: bool = True) -> bool:
    """Whether the text is one of its references once both are normalised. Where nothing is left of it (marks alone), it
    is compared as it is, so that an emoticon equals itself only."""
    given = [references] if isinstance(references, str) else references
    mine = normalised(hypothesis, numbers=numbers)
    return any(
        mine == normalised(text, numbers=numbers) if mine else hypothesis.strip() == text.strip() for text in given
    )


def token_f1(hypothesis: str, references: str | Sequence[str], *, numbers: bool = True) -> Match:
    """Precision, recall and F of the words that both share, once normalised, in any order, against the best reference.

    A Chinese or Japanese character is a word, as in MLQA (Lewis et al. 2020). Where one side has no word, all are 1 if
    both have none, else 0, as SQuAD 2.0 counts answers that should be empty. Raises ValueError without a reference.
    """
    given = [references] if isinstance(references, str) else references
    if not given:
        raise ValueError("token F1 needs at least one reference")
    mine = _PIECES.findall(normalised(hypothesis, numbers=numbers))
    return max((_f1(mine, _PIECES.findall(normalised(text, numbers=numbers))) for text in given), key=lambda m: m.f)


def _f1(mine: list[str], theirs: list[str]) -> Match:
    if not mine and not theirs:
        return Match(1.0, 1.0, 1.0)
    return matched(shared(mine, theirs), len(mine), len(theirs))


def _plain(match: re.Match[str]) -> str:
    whole, part = match[0].split(".")
    part = part.rstrip("0")
    return f"{whole}{_POINT}{part}" if part else whole
