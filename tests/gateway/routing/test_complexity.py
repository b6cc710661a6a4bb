"""A request is judged by its vector, which is made once per call; the real encoder tells easy from hard."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pilothouse.call import Call
from pilothouse.config import ModelConfig
from pilothouse.errors import ConfigError
from pilothouse.gateway.routing.complexity import Complexity, embedding_of
from pilothouse.models import BatchingEncoder, Encoder, EncoderStore
from pilothouse.types import ChatRequest


class Counting:
    def __init__(self) -> None:
        self.texts: list[str] = []

    async def __call__(self, texts: Sequence[str]) -> Any:
        self.texts += texts
        return np.zeros((len(texts), 384), dtype=np.float32)

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [1 for _ in texts]


def asking(text: str) -> ChatRequest:
    return ChatRequest({"model": "auto", "messages": [{"role": "user", "content": text}]})


def auto(**fields: Any) -> ModelConfig:
    return ModelConfig.model_validate({"strategy": "complexity", "simple": "a", "complex": "b", **fields})


async def test_the_vector_is_made_once_per_call(call: Call) -> None:
    encode = Counting()
    judge = Complexity(encode)
    await judge.opinion(asking("Hello"), call, auto())
    await judge.opinion(asking("Hello"), call, auto())
    assert await embedding_of(asking("Hello"), call, encode) is call.embedding
    assert encode.texts == ["Hello"]


async def test_a_request_without_text_is_complex_and_asks_for_no_vector(call: Call) -> None:
    encode = Counting()
    opinion = await Complexity(encode).opinion(asking("  "), call, auto())
    assert opinion.choice == "complex"
    assert encode.texts == []


async def test_the_threshold_of_the_alias_wins(call: Call) -> None:
    judge = Complexity(Counting())
    assert (await judge.opinion(asking("x"), call, auto(threshold=1.0))).choice == "simple"
    opinion = await judge.opinion(asking("x"), call, auto(threshold=0.0))
    assert opinion.choice == "complex"
    assert opinion.reason.endswith(">= 0.00")


async def test_a_head_that_is_not_there_is_named(call: Call, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        await Complexity(Counting()).opinion(asking("x"), call, auto(head=str(tmp_path / "nowhere.json")))


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("What is the capital of Iceland?", "simple"),
        ("Say hello in Welsh", "simple"),
        ("Prove that every finite integral domain is a field, and explain where finiteness is needed.", "complex"),
        ("Design a sharding scheme for a social graph that must survive the loss of a region; weigh the trade-offs.",
         "complex"),
    ],
)  # fmt: skip
async def test_the_shipped_head_with_the_real_encoder(call: Call, models_dir: Path, text: str, choice: str) -> None:
    encode = BatchingEncoder(lambda: Encoder(EncoderStore(models_dir).ensure()))
    opinion = await Complexity(encode).opinion(asking(text), call, auto())
    await encode.aclose()
    assert opinion.choice == choice, opinion.reason
