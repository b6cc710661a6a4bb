"""How far an output rests on its context, told without a judge: by shared words and by the embedded encoder."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np

from pilothouse.errors import PilothouseError
from pilothouse.evals.lacking import lacking, unavailable
from pilothouse.evals.shapes import Case, Evaluator, Models, Need, Verdict
from pilothouse.evals.text.measuring import check_passing, graded
from pilothouse.evals.values import question
from pilothouse.overlap.coherence import content_stems
from pilothouse.overlap.sentences import sentences

__all__ = ["GroundednessOffline", "shared_words"]

_MOST_SENTENCES = 100  # of the output
_MOST_WINDOWS = 1000  # of the context; at 100 to 200 a second these take the encoder some seconds
_WORDS = 0.75  # weight of the words, chosen on HaluEval QA, where 0.7 to 0.9 make no difference
_LONGEST_QUESTION = 300  # characters
_SHOWN = 160


@dataclass(frozen=True, kw_only=True)
class GroundednessOffline(Evaluator):
    """The mean over the output's sentences of two figures, weighted 3 to 1: the share of the sentence's content words
    whose stems are in the context, and the cosine of its vector and that of the nearest one or two sentences of the
    context. Passes from `passing` on; `detail.least` is the sentence with the lowest.

    The vector is of the question and the sentence, since an answer may be one word; a question of more than 300
    characters, which may well hold the context, is left out. It notices what the context does not speak of. It does not
    notice a contradiction in the context's own words, which takes a judge or an NLI model. English. The first 100
    sentences and 1,000 windows of the context are read.
    """

    needs: ClassVar[frozenset[Need]] = frozenset(("context", "encoder"))

    passing: float | None = None
    name: str = "groundedness_offline"

    def __post_init__(self) -> None:
        check_passing(self, self.passing)

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        if (skipped := lacking(self, case, models)) or models.encode is None:
            return skipped or Verdict.skipped(self.name, "There is no encoder.")
        said, windows = sentences(case.output)[:_MOST_SENTENCES], _windows(case.context)
        if not said or not windows:
            return Verdict.skipped(self.name, f"The {'context' if said else 'output'} has no sentence.")
        words = shared_words(said, case.context)
        try:
            asked = question(case).strip()
            vectors = await models.encode([*(_answer(asked, sentence) for sentence in said), *windows])
        except PilothouseError as error:
            return unavailable(self, error)
        nearest = np.clip(vectors[: len(said)] @ vectors[len(said) :].T, 0, 1).max(axis=1)
        scores = [
            float(near) if share is None else _WORDS * share + (1 - _WORDS) * float(near)
            for share, near in zip(words, nearest, strict=True)
        ]
        least = min(range(len(said)), key=scores.__getitem__)
        detail = {
            "shared_words": _mean([share for share in words if share is not None]),
            "similarity": _mean([float(near) for near in nearest]),
            "least": {"sentence": said[least][:_SHOWN], "score": scores[least]},
        }
        return graded(self.name, sum(scores) / len(scores), self.passing, detail)


def shared_words(said: Sequence[str], context: Sequence[str]) -> list[float | None]:
    """Of each sentence, the share of its content words whose stems are in the context; None where it has none."""
    there = {stem for passage in context for stem in content_stems(passage)}
    stems = [content_stems(sentence) for sentence in said]
    return [sum(stem in there for stem in found) / len(found) if found else None for found in stems]


def _answer(asked: str, sentence: str) -> str:
    return f"{asked} {sentence}" if 0 < len(asked) <= _LONGEST_QUESTION else sentence


def _windows(context: Sequence[str]) -> list[str]:
    """The sentences of the passages, and each two that follow one another."""
    windows: list[str] = []
    for passage in context:
        parts = sentences(passage)
        windows += parts
        windows += [f"{one} {other}" for one, other in pairwise(parts)]
    return list(dict.fromkeys(windows))[:_MOST_WINDOWS]


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
