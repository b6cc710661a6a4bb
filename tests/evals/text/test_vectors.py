from typing import Any

import numpy as np
import pytest

from pilothouse.errors import ConfigError, ModelFilesError, Overloaded, PilothouseError
from pilothouse.evals.shapes import Models
from pilothouse.evals.text.vectors import BertScore, EmbeddingSimilarity, token_match
from pilothouse.models import Encoder
from pilothouse.testing.record import new_call


class Direct:
    """The encoder, for the event loop of a test."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    async def __call__(self, texts: Any) -> Any:
        return self.encoder.encode(texts)

    async def count_tokens(self, texts: Any) -> list[int]:
        return [self.encoder.count_tokens(text) for text in texts]

    async def token_vectors(self, texts: Any) -> Any:
        return [self.encoder.token_vectors(text) for text in texts]


@pytest.fixture
def models(encoder: Encoder) -> Models:
    return Models(make_call=new_call, encode=Direct(encoder))


EXPECTED = "The company was founded in Berlin in 1987."
ALIKE, OTHER = "It was established in Berlin, in the year 1987.", "Bake the bread for forty minutes."


@pytest.mark.parametrize("kind", [EmbeddingSimilarity, BertScore])
def test_what_is_alike_is_nearer(judge: Any, models: Models, kind: Any) -> None:
    same, alike, other = (
        judge(kind(passing=0.5), text, expected=EXPECTED, models=models) for text in (EXPECTED, ALIKE, OTHER)
    )
    assert same.score == pytest.approx(1.0, abs=1e-4)
    assert 1 > alike.score > other.score + 0.2
    assert (alike.passed, other.passed) == (True, False)
    best = judge(kind(), EXPECTED, expected=[OTHER, EXPECTED], models=models)
    assert best.score == pytest.approx(1.0, abs=1e-4)


def test_other_texts_to_compare_with(judge: Any, models: Models) -> None:
    question = judge(EmbeddingSimilarity(to="question"), ALIKE, input="When was it established?", models=models)
    context = judge(EmbeddingSimilarity(to="context"), ALIKE, context=(OTHER, EXPECTED), models=models)
    assert context.score > question.score > 0.2
    assert judge(EmbeddingSimilarity(to="context"), ALIKE, models=models).status == "skipped"
    assert judge(EmbeddingSimilarity(), ALIKE, expected=" ", models=models).status == "skipped"


@pytest.mark.parametrize("kind", [EmbeddingSimilarity, BertScore])
def test_without_encoder_it_is_skipped(judge: Any, kind: Any) -> None:
    assert "pilothouse models pull" in judge(kind(), ALIKE, expected=EXPECTED).explanation


class Refusing:
    def __init__(self, error: PilothouseError) -> None:
        self.error = error

    async def __call__(self, texts: Any) -> Any:
        raise self.error

    async def count_tokens(self, texts: Any) -> list[int]:
        raise self.error

    async def token_vectors(self, texts: Any) -> Any:
        raise self.error


@pytest.mark.parametrize("kind", [EmbeddingSimilarity, BertScore])
@pytest.mark.parametrize(
    ("error", "status"), [(ModelFilesError("No files."), "skipped"), (Overloaded("Too many."), "failed")]
)
def test_an_encoder_that_does_not_answer(judge: Any, kind: Any, error: PilothouseError, status: str) -> None:
    models = Models(make_call=new_call, encode=Refusing(error))
    verdict = judge(kind(), ALIKE, expected=EXPECTED, models=models)
    assert (verdict.status, verdict.explanation) == (status, error.message)


def test_the_formula_of_bertscore() -> None:
    """By hand: the best cosines are 1 and 0.6 for the first text's tokens, 1 for the second's only one."""
    mine, theirs = np.array([[1, 0], [0.6, 0.8]], np.float32), np.array([[1, 0]], np.float32)
    assert token_match(mine, theirs) == pytest.approx((0.8, 1.0, 2 * 0.8 / 1.8))
    nothing = np.empty((0, 2), np.float32)
    assert token_match(nothing, theirs) == (0.0, 0.0, 0.0)
    assert token_match(nothing, nothing) == (1.0, 1.0, 1.0)


def test_wrong_options() -> None:
    with pytest.raises(ConfigError, match=r"bertscore_minilm\.passing"):
        BertScore(passing=-0.1)
