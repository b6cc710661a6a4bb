"""The packaged reference is what the weights give, and the check tells a sound encoder from a broken one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pilothouse.models import Encoder, EncoderFiles, selfcheck


class Fixed(Encoder):
    """Gives the same vectors whatever the texts."""

    def __init__(self, vectors: Any) -> None:
        super().__init__(EncoderFiles(Path("none"), Path("none"), "fixed"))
        self.vectors = vectors

    def encode(self, texts: Any) -> Any:
        return self.vectors


def test_reference_is_the_forward_pass(forward: Callable[[str], Any]) -> None:
    texts, vectors = selfcheck.read_reference()
    for text, vector in zip(texts, vectors, strict=True):
        np.testing.assert_allclose(vector, forward(text), atol=2e-4)  # kept as float16


def test_the_built_encoder_passes(encoder: Encoder) -> None:
    assert selfcheck.worst_cosine(encoder) >= 0.985


def test_one_bad_vector_is_enough_to_fail() -> None:
    _, vectors = selfcheck.read_reference()
    assert selfcheck.worst_cosine(Fixed(vectors)) > 0.999
    vectors[3] = vectors[0]
    assert selfcheck.worst_cosine(Fixed(vectors)) < 0.5


def test_vectors_that_are_not_numbers_fail() -> None:
    _, vectors = selfcheck.read_reference()
    vectors[0, 0] = np.nan
    assert selfcheck.worst_cosine(Fixed(vectors)) < selfcheck.MIN_COSINE


def test_the_outcome_is_kept_per_graph_and_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    key = selfcheck.machine_key("a")
    assert selfcheck.machine_key("a") == key
    assert selfcheck.machine_key("b") != key
    monkeypatch.setattr(selfcheck, "_cpu_features", lambda: "flags: sse2")
    assert selfcheck.machine_key("a") != key
