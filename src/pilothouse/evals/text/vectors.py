"""Evaluators over the embedded encoder's vectors: of whole texts, and of their tokens in the way of BERTScore."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from pilothouse.errors import PilothouseError
from pilothouse.evals.lacking import lacking, unavailable
from pilothouse.evals.shapes import Case, Evaluator, Models, Need, Verdict
from pilothouse.evals.text.measuring import check_passing, graded
from pilothouse.evals.values import accepted, question

if TYPE_CHECKING:
    from pilothouse.protocols import Vectors

__all__ = ["BertScore", "EmbeddingSimilarity", "token_match"]


@dataclass(frozen=True, kw_only=True)
class EmbeddingSimilarity(Evaluator):
    """The cosine of the vectors of the output and of the nearest `to`: an expected text, the question, or a passage of
    the context. From -1 to 1, in practice from 0; passes from `passing` on.

    By all-MiniLM-L6-v2, made for English; a text is read up to its 256th token. Texts about the same things are near
    each other, whether or not they say the same: a negation hardly moves it.
    """

    needs: ClassVar[frozenset[Need]] = frozenset(("encoder",))

    to: Literal["expected", "question", "context"] = "expected"
    passing: float | None = None
    name: str = "embedding_similarity"

    def __post_init__(self) -> None:
        check_passing(self, self.passing)

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        if (skipped := lacking(self, case, models)) or models.encode is None:
            return skipped or Verdict.skipped(self.name, "There is no encoder.")
        others = {"expected": accepted(case), "question": [question(case)], "context": list(case.context)}[self.to]
        if not any(other.strip() for other in others):
            return Verdict.skipped(self.name, f"The case has no text to compare with: no {self.to}.")
        try:
            vectors = await models.encode([case.output, *others])
        except PilothouseError as error:
            return unavailable(self, error)
        nearest = float(np.clip(vectors[1:] @ vectors[0], -1, 1).max())
        return graded(self.name, nearest, self.passing)


@dataclass(frozen=True, kw_only=True)
class BertScore(Evaluator):
    """BERTScore's matching (Zhang et al. 2020) over the token vectors of all-MiniLM-L6-v2: F1 of each token's best
    cosine in the other text, against the best reference. Passes from `passing` on.

    Its figures are not those of the bert-score package, which takes a layer of a greater model, chosen by agreement
    with people, and may rescale: compare them with one another only. Neither weights by rarity nor rescales. A text is
    read in pieces of 254 tokens up to its 2,032nd.
    """

    needs: ClassVar[frozenset[Need]] = frozenset(("expected", "encoder"))

    passing: float | None = None
    name: str = "bertscore_minilm"

    def __post_init__(self) -> None:
        check_passing(self, self.passing)

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        if (skipped := lacking(self, case, models)) or models.encode is None:
            return skipped or Verdict.skipped(self.name, "There is no encoder.")
        references = accepted(case)
        if not references:
            return Verdict.skipped(self.name, "The list of expected texts is empty.")
        try:
            mine, *others = await models.encode.token_vectors([case.output, *references])
        except PilothouseError as error:
            return unavailable(self, error)
        precision, recall, f1 = max((token_match(mine, other) for other in others), key=lambda found: found[2])
        return graded(self.name, f1, self.passing, {"precision": precision, "recall": recall})


def token_match(mine: "Vectors", theirs: "Vectors") -> tuple[float, float, float]:
    """Precision, recall and F1 of two lists of token vectors of length 1: the mean over tokens of the best cosine in
    the other list. 1 where both are empty, 0 where one is."""
    if not len(mine) or not len(theirs):
        both = float(len(mine) == len(theirs))
        return both, both, both
    cosines = np.clip(mine @ theirs.T, -1, 1)
    precision, recall = float(cosines.max(axis=1).mean()), float(cosines.max(axis=0).mean())
    total = precision + recall
    return precision, recall, 2 * precision * recall / total if precision > 0 and recall > 0 else 0.0
