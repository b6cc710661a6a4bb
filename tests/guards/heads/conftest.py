from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pilothouse.call import Call
from pilothouse.guarding import Stage
from pilothouse.protocols import Conversation, Models, Subject

if TYPE_CHECKING:
    from pilothouse.protocols import Vectors


class Words:
    """An encoder whose space has a dimension for each of a few words: a text's vector is which of them it holds."""

    words = ("ignore", "obey", "cake", "oven", "flour", "ship", "harbour", "sail")

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.tokens_each = 1.0

    async def __call__(self, texts: Sequence[str]) -> "Vectors":
        self.asked.append(list(texts))
        rows = np.zeros((len(texts), 384), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[: len(self.words)] = [float(word in text.lower()) for word in self.words]
            row[len(self.words)] = 0.2
            row /= np.linalg.norm(row)
        return rows

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [round(len(text.split()) * self.tokens_each) for text in texts]

    async def token_vectors(self, texts: Sequence[str]) -> "list[Vectors]":
        raise NotImplementedError


@pytest.fixture
def encoder() -> Words:
    return Words()


MakeSubject = Callable[..., Subject]


@pytest.fixture
def about(encoder: Words) -> MakeSubject:
    """A text that guards may have encoded."""

    def make(text: str, stage: Stage = "input") -> Subject:
        models = Models(make_call=_no_call, encode=encoder)
        return Subject(text, stage, conversation=Conversation(models=models))

    return make


def _no_call() -> Call:
    raise AssertionError("heads ask no model")
