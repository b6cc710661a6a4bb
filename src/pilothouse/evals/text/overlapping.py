"""Evaluators over what a text and the expected ones have in common, word by word: BLEU, chrF, ROUGE, METEOR, token F1.

Of several expected texts each counts as a reference. All scores are from 0 to 1: those of sacrebleu by 100.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from pilothouse.evals.shapes import Case, Evaluator, Models, Need, Verdict
from pilothouse.evals.text.measuring import Measured, check_passing, measured
from pilothouse.overlap.bleu import sentence_bleu
from pilothouse.overlap.chrf import sentence_chrf
from pilothouse.overlap.meteor import meteor
from pilothouse.overlap.normalise import token_f1
from pilothouse.overlap.rouge import rouge

__all__ = ["Bleu", "Chrf", "Meteor", "Rouge", "TokenF1"]

_EXPECTED: frozenset[Need] = frozenset(("expected",))


@dataclass(frozen=True, kw_only=True)
class Bleu(Evaluator):
    """BLEU of one text, as sacrebleu's, by 100 (Papineni et al. 2002). Passes from `passing` on.

    For Chinese and Japanese take `tokenize: char`. The mean over cases is not the BLEU of a corpus.
    """

    needs: ClassVar[frozenset[Need]] = _EXPECTED

    tokenize: Literal["13a", "intl", "char", "none"] = "13a"
    lowercase: bool = False
    passing: float | None = None
    name: str = "bleu"

    def __post_init__(self) -> None:
        check_passing(self, self.passing)

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        return measured(self, case, models, self.passing, self._measure)

    def _measure(self, output: str, references: list[str]) -> Measured:
        found = sentence_bleu(output, references, tokenize=self.tokenize, lowercase=self.lowercase)
        return _share(found.score), {"brevity_penalty": found.brevity_penalty}


@dataclass(frozen=True, kw_only=True)
class Chrf(Evaluator):
    """chrF, with `words` chrF++, as sacrebleu's, by 100 (Popović 2015, 2017). Passes from `passing` on."""

    needs: ClassVar[frozenset[Need]] = _EXPECTED

    words: bool = False
    passing: float | None = None
    name: str = "chrf"

    def __post_init__(self) -> None:
        check_passing(self, self.passing)

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        return measured(self, case, models, self.passing, self._measure)

    def _measure(self, output: str, references: list[str]) -> Measured:
        return _share(sentence_chrf(output, references, words=self.words)), {}


@dataclass(frozen=True, kw_only=True)
class Rouge(Evaluator):
    """The F of one `kind` of ROUGE against the best reference, as rouge-score's (Lin 2004). Passes from `passing` on.

    Made for English: of other scripts nothing is compared.
    """

    needs: ClassVar[frozenset[Need]] = _EXPECTED

    kind: Literal["rouge1", "rouge2", "rougeL", "rougeLsum"] = "rougeL"
    stemming: bool = True
    passing: float | None = None
    name: str = "rouge"

    def __post_init__(self) -> None:
        check_passing(self, self.passing)

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        return measured(self, case, models, self.passing, self._measure)

    def _measure(self, output: str, references: list[str]) -> Measured:
        found = rouge(output, references, (self.kind,), stemming=self.stemming)[self.kind]
        return found.f, {"precision": found.precision, "recall": found.recall}


@dataclass(frozen=True, kw_only=True)
class Meteor(Evaluator):
    """A score in the style of METEOR (Banerjee and Lavie 2005): words and stems matched, broken order punished; without
    its synonyms and paraphrases, so not equal to the original's. Passes from `passing` on."""

    needs: ClassVar[frozenset[Need]] = _EXPECTED

    passing: float | None = None
    name: str = "meteor_style"

    def __post_init__(self) -> None:
        check_passing(self, self.passing)

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        return measured(
            self, case, models, self.passing, lambda output, references: (meteor(output, references).score, {})
        )


@dataclass(frozen=True, kw_only=True)
class TokenF1(Evaluator):
    """F1 of the words that output and expected answer share, in any order, after SQuAD's normalisation. Passes from
    `passing` on."""

    needs: ClassVar[frozenset[Need]] = _EXPECTED

    passing: float | None = None
    name: str = "token_f1"

    def __post_init__(self) -> None:
        check_passing(self, self.passing)

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        return measured(self, case, models, self.passing, self._measure)

    def _measure(self, output: str, references: list[str]) -> Measured:
        found = token_f1(output, references)
        return found.f, {"precision": found.precision, "recall": found.recall}


def _share(points: float) -> float:
    return min(1.0, points / 100)
