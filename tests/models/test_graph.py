"""The float32 graph computes what a plain numpy forward pass does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pilothouse.models import Encoder, EncoderFiles
from pilothouse.models.build import write_float32

TEXTS = ["", "a", "The cat sat on the mat.", "Größe: 3 µm ≠ 3 mm; 東京 🚢", "word " * 400]


@pytest.fixture(scope="module")
def float32(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    graph = tmp_path_factory.mktemp("float32") / "float32.onnx"
    write_float32(sources, graph)
    return Encoder(EncoderFiles(graph, sources / "tokenizer.json", "float32"), threads=1)


@pytest.mark.parametrize("text", TEXTS, ids=["empty", "letter", "sentence", "unicode", "truncated"])
def test_matches_numpy(text: str, float32: Encoder, forward: Callable[[str], Any]) -> None:
    np.testing.assert_allclose(float32.encode([text])[0], forward(text), atol=2e-5)


def test_a_run_may_hold_several_texts_of_one_length(float32: Encoder, forward: Callable[[str], Any]) -> None:
    float32.load()
    ids = np.array([[101, 7592, 2088, 102], [101, 2204, 2851, 102]], dtype=np.int64)  # hello world, good morning
    vectors = float32._session.run(None, {"input_ids": ids})[0]
    np.testing.assert_allclose(vectors, [forward("hello world"), forward("good morning")], atol=2e-5)
