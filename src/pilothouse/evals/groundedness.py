"""How far an output rests on its context, told without a judge: by shared words and by the embedded encoder."""

from dataclasses import dataclass
from typing import ClassVar

from pilothouse.errors import PilothouseError
from pilothouse.evals.lacking import lacking, unavailable
from pilothouse.evals.shapes import Case, Evaluator, Models, Need, Verdict
from pilothouse.evals.text.measuring import check_passing, graded
from pilothouse.evals.values import question
from pilothouse.overlap.grounding import nearest, resting, shared_words, spoken, windows
from pilothouse.overlap.sentences import sentences

__all__ = ["GroundednessOffline"]

_MOST_SENTENCES = 100  # of the output
_MOST_WINDOWS = 1000  # of the context; at 100 to 200 a second these take the encoder some seconds
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
        said, there = sentences(case.output)[:_MOST_SENTENCES], windows(case.context)[:_MOST_WINDOWS]
        if not said or not there:
            return Verdict.skipped(self.name, f"The {'context' if said else 'output'} has no sentence.")
        words = shared_words(said, case.context)
        try:
            asked = question(case).strip()
            vectors = await models.encode([*(spoken(asked, sentence) for sentence in said), *there])
        except PilothouseError as error:
            return unavailable(self, error)
        near = [float(one) for one in nearest(vectors[: len(said)], vectors[len(said) :])]
        scores = [resting(share, one) for share, one in zip(words, near, strict=True)]
        least = min(range(len(said)), key=scores.__getitem__)
        detail = {
            "shared_words": _mean([share for share in words if share is not None]),
            "similarity": _mean(near),
            "least": {"sentence": said[least][:_SHOWN], "score": scores[least]},
        }
        return graded(self.name, sum(scores) / len(scores), self.passing, detail)


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
