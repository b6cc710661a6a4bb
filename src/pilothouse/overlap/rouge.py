"""ROUGE-1 to 9, ROUGE-L and its variant over sentences, equal to the package rouge-score. Knows nothing of scripts.

Lin 2004, as rouge-score does it: words are ASCII letters and digits, so it says nothing of languages in other scripts.
Scores are precision, recall and their harmonic mean, from 0 to 1.
"""

from collections.abc import Callable, Sequence

from pilothouse.overlap import lcs
from pilothouse.overlap.matches import Match, grams, matched, shared
from pilothouse.overlap.stemming import stem
from pilothouse.overlap.tokens import rouge_words

__all__ = ["MOST_PAIRS", "rouge", "rouge_l", "rouge_lsum", "rouge_n"]

MOST_PAIRS = 100_000_000
"""The pairs of a word of one text and a sentence of the other that ROUGE-Lsum still looks at, in about 15 s."""

_LEAST_STEMMED = 4  # letters of a word


def rouge(
    hypothesis: str,
    references: str | Sequence[str],
    kinds: Sequence[str] = ("rouge1", "rouge2", "rougeL"),
    *,
    stemming: bool = False,
    tokenize: Callable[[str], list[str]] = rouge_words,
) -> dict[str, Match]:
    """The scores of a text by kind (`rouge1` to `rouge9`, `rougeL`, `rougeLsum`), each against the reference for which
    its F is best; the sentences of `rougeLsum` stand on lines of their own.

    `stemming` compares the stems of words of more than three letters, as `use_stemmer`. With another `tokenize`, such
    as tokens.words for other scripts, the scores are none that rouge-score gives. Raises ValueError for an unknown
    kind, without a reference, and where texts are too long for a longest common subsequence.
    """
    given = [references] if isinstance(references, str) else references
    if not given:
        raise ValueError("ROUGE needs at least one reference")

    def cut(text: str) -> list[str]:
        found = tokenize(text)
        return [stem(word) if len(word) >= _LEAST_STEMMED else word for word in found] if stemming else found

    def lines(text: str) -> list[list[str]]:
        return [cut(line) for line in text.split("\n")]

    mine, others = cut(hypothesis), [cut(text) for text in given]
    found: dict[str, Match] = {}
    for kind in kinds:
        if kind == "rougeL":
            scores = [rouge_l(mine, other) for other in others]
        elif kind == "rougeLsum":
            scores = [rouge_lsum(lines(hypothesis), lines(text)) for text in given]
        elif kind.removeprefix("rouge") in "123456789" and len(kind) == len("rouge1"):
            scores = [rouge_n(mine, other, int(kind[-1])) for other in others]
        else:
            raise ValueError(f"no kind of ROUGE is called {kind!r}: there are rouge1 to rouge9, rougeL and rougeLsum")
        found[kind] = max(scores, key=lambda score: score.f)
    return found


def rouge_n(hypothesis: Sequence[str], reference: Sequence[str], order: int) -> Match:
    """The n-grams that two lists of words share."""
    hits = shared(grams(hypothesis, order), grams(reference, order))
    return matched(hits, max(0, len(hypothesis) - order + 1), max(0, len(reference) - order + 1))


def rouge_l(hypothesis: Sequence[str], reference: Sequence[str]) -> Match:
    """The longest common subsequence of two lists of words. Raises ValueError where they are too long for it."""
    return matched(lcs.length(reference, hypothesis), len(hypothesis), len(reference))


def rouge_lsum(hypothesis: Sequence[Sequence[str]], reference: Sequence[Sequence[str]]) -> Match:
    """Sentence by sentence of the reference, the words that are in a longest common subsequence with any sentence of
    the hypothesis, each word counted as often as both texts have it (section 3.2 of Lin 2004, as ROUGE-1.5.5).

    Raises ValueError where there are more than MOST_PAIRS pairs to look at.
    """
    mine, theirs = [words for words in hypothesis if words], [words for words in reference if words]
    size, other = sum(map(len, mine)), sum(map(len, theirs))
    if (pairs := len(theirs) * size + len(mine) * other) > MOST_PAIRS:
        raise ValueError(
            f"the sentences make {pairs:,} pairs for ROUGE-Lsum, {MOST_PAIRS:,} are the most: compare parts"
        )
    left = _counted(mine)
    sets = [frozenset(words) for words in mine]
    hits = 0
    for words in theirs:
        own = set(words)
        places: set[int] = set()
        for candidate, kinds in zip(mine, sets, strict=True):
            if not own.isdisjoint(kinds):
                places.update(lcs.positions(words, candidate))
        for place in places:
            if left.get(words[place], 0):
                left[words[place]] -= 1
                hits += 1
    return matched(hits, size, other)


def _counted(texts: Sequence[Sequence[str]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for words in texts:
        for word in words:
            counts[word] = counts.get(word, 0) + 1
    return counts
