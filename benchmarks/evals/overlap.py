"""CPU per pair of texts, beside the packages whose scores these are.

    pip install sacrebleu rouge-score nltk rapidfuzz
    PYTHONPATH=src python benchmarks/evals/overlap.py

Texts are runs of words from docs/, each against a copy in which every fifth word is another. Every call reads both
texts anew: what a package keeps of texts or words it has seen is thrown away before each round. The best of several
rounds counts, on one core; that both sides give the same score is checked in the same run.
"""

import logging
import random
import time
from collections.abc import Callable
from functools import partial
from itertools import starmap
from pathlib import Path

from nltk.translate.meteor_score import single_meteor_score
from rapidfuzz.distance import LCSseq
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF

from pilothouse.overlap import lcs, stemming, tokens
from pilothouse.overlap.bleu import sentence_bleu
from pilothouse.overlap.chrf import sentence_chrf
from pilothouse.overlap.coherence import coherence
from pilothouse.overlap.meteor import meteor
from pilothouse.overlap.normalise import token_f1
from pilothouse.overlap.readability import readability
from pilothouse.overlap.rouge import rouge

DOCS = Path(__file__).parents[2] / "docs"
SIZES = {25: 40, 100: 20, 1000: 3}  # words: pairs
SEED, ROUNDS = 1, 7

Score = Callable[[str, str], float]


class NoSynonyms:
    """WordNet without a word in it: nothing is downloaded, and both sides have the same stages."""

    def synsets(self, word: str) -> list[object]:
        return []


def sacre(metric: BLEU | CHRF) -> Score:
    return lambda hypothesis, reference: metric.sentence_score(hypothesis, [reference]).score


def package_rouge(kinds: list[str], stemmer: bool = False) -> Score:
    scorer = RougeScorer(kinds, use_stemmer=stemmer)
    return lambda hypothesis, reference: scorer.score(reference, hypothesis)[kinds[-1]].fmeasure


def our_rouge(kinds: list[str], stemmer: bool = False) -> Score:
    return lambda hypothesis, reference: rouge(hypothesis, reference, kinds, stemming=stemmer)[kinds[-1]].f


def package_meteor(hypothesis: str, reference: str) -> float:
    return single_meteor_score(tokens.words(reference), tokens.words(hypothesis), wordnet=NoSynonyms())


ALL = ["rouge1", "rouge2", "rougeL"]
ROWS: list[tuple[str, Score, str, Score | None]] = [
    ("BLEU of a sentence", lambda h, r: sentence_bleu(h, r).score, "sacrebleu", sacre(BLEU(effective_order=True))),
    ("chrF", sentence_chrf, "sacrebleu", sacre(CHRF())),
    ("chrF++", partial(sentence_chrf, words=True), "sacrebleu", sacre(CHRF(word_order=2))),
    ("ROUGE-L", our_rouge(["rougeL"]), "rouge-score", package_rouge(["rougeL"])),
    ("ROUGE-1, -2, -L", our_rouge(ALL), "rouge-score", package_rouge(ALL)),
    ("ROUGE-1, -2, -L, stemmed", our_rouge(ALL, True), "rouge-score", package_rouge(ALL, True)),
    ("METEOR-style", lambda h, r: meteor(h, r).score, "nltk", package_meteor),
    ("token F1", lambda h, r: token_f1(h, r).f, "", None),
    ("readability", lambda h, r: readability(h).words, "", None),
    ("coherence", lambda h, r: coherence(h).sentences, "", None),
]


def pairs(words: int, number: int) -> list[tuple[str, str]]:
    source = random.Random(SEED)
    text = " ".join(page.read_text() for page in sorted(DOCS.rglob("*.md"))).split()
    found = []
    for _ in range(number):
        start = source.randrange(len(text) - words)
        reference = text[start : start + words]
        hypothesis = [word if source.random() < 0.8 else source.choice(text) for word in reference]
        found.append((" ".join(hypothesis), " ".join(reference)))
    return found


def forget(metrics: list[BLEU]) -> None:
    """Empties what is kept of texts and words: our stems by word, sacrebleu's by whole text."""
    stemming._kept.cache_clear()
    for metric in metrics:
        type(metric.tokenizer).__call__.cache_clear()
        type(metric.tokenizer._post_tokenizer).__call__.cache_clear()


def microseconds(score: Callable[..., object], given: list[tuple[object, ...]]) -> float:
    """The best CPU time of a call over all pairs."""
    best = float("inf")
    for _ in range(ROUNDS):
        forget([BLEU()])
        started = time.process_time_ns()
        for pair in given:
            score(*pair)
        best = min(best, time.process_time_ns() - started)
    return best / len(given) / 1000


def main() -> None:
    logging.disable()
    sets = {size: pairs(size, number) for size, number in SIZES.items()}
    print("| us of CPU per pair | peer |", " | ".join(f"{size:,} words: ours | peer | ratio" for size in SIZES), "|")
    print("|---|---|" + "---|" * 3 * len(SIZES))
    for name, ours, peer, theirs in ROWS:
        cells = []
        for given in sets.values():
            mine = microseconds(ours, given)
            if theirs is None:
                cells += [f"{mine:,.0f}", "", ""]
                continue
            far = max(abs(ours(*pair) - theirs(*pair)) for pair in given)
            assert far < 1e-6, f"{name} differs by {far}"
            other = microseconds(theirs, given)
            cells += [f"{mine:,.0f}", f"{other:,.0f}", f"{other / mine:.1f}"]
        print(f"| {name} | {peer} |", " | ".join(cells), "|")
    cells = []
    for given in sets.values():
        cut = [(tokens.rouge_words(one), tokens.rouge_words(other)) for one, other in given]
        assert list(starmap(lcs.length, cut)) == list(starmap(LCSseq.similarity, cut))
        mine, other = microseconds(lcs.length, cut), microseconds(LCSseq.similarity, cut)
        cells += [f"{mine:,.0f}", f"{other:,.0f}", f"{other / mine:.1f}"]
    print("| longest common subsequence of words | rapidfuzz |", " | ".join(cells), "|")


if __name__ == "__main__":
    main()
