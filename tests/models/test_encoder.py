"""What the encoder promises of its vectors, tokens and offsets."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.errors import ModelFilesError
from pilothouse.models import Encoder, EncoderFiles

SENTENCES = [
    "The central bank raised interest rates by a quarter point.",
    "Monetary policy was tightened with a small rate increase.",
    "To reset your password, open the settings page and choose Security.",
    "You can change your login secret under Settings, Security.",
    "Mitochondria produce most of the energy of a cell.",
    "A cell gets its energy mainly from its mitochondria.",
    "The recipe calls for two eggs and a cup of flour.",
    "You need 2 eggs and a cup of flour for this dish.",
]


def test_shape_type_and_length(encoder: Encoder) -> None:
    vectors = encoder.encode(SENTENCES)
    assert vectors.shape == (len(SENTENCES), encoder.dimensions) == (8, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert encoder.encode([]).shape == (0, 384)


def test_int8_stays_close_to_float64(encoder: Encoder, forward: Callable[[str], Any]) -> None:
    cosines = [vector @ forward(text) for text, vector in zip(SENTENCES, encoder.encode(SENTENCES), strict=True)]
    assert np.mean(cosines) >= 0.99
    assert min(cosines) >= 0.985


def test_a_paraphrase_is_nearer_than_anything_else(encoder: Encoder) -> None:
    vectors = encoder.encode(SENTENCES)
    scores = vectors @ vectors.T - 2 * np.eye(len(vectors))
    assert scores.argmax(1).tolist() == [1, 0, 3, 2, 5, 4, 7, 6]


def test_only_the_first_256_tokens_count(encoder: Encoder) -> None:
    text = "river " * 254  # and two special tokens
    full, longer, shorter = encoder.encode([text, text + "bank " * 1000, text[: -len("river ")]])
    assert encoder.count_tokens(text + "bank " * 1000) == 1254
    np.testing.assert_array_equal(full, longer)
    assert not np.array_equal(full, shorter)


def test_a_vector_depends_on_its_text_alone(encoder: Encoder) -> None:
    texts = [*SENTENCES, "", "long " * 300]
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    np.testing.assert_array_equal(encoder.encode(texts), alone)
    np.testing.assert_array_equal(encoder.encode(texts[::-1]), alone[::-1])
    np.testing.assert_array_equal(Encoder(encoder.files, threads=3).encode(texts), alone)


def test_threads_share_one_encoder(encoder: Encoder) -> None:
    expected = encoder.encode(SENTENCES)
    fresh = Encoder(encoder.files, threads=2)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda i: fresh.encode([SENTENCES[i % 8]])[0], range(64)))
    for i, vector in enumerate(results):
        np.testing.assert_array_equal(vector, expected[i % 8])


HOSTILE = [
    "",
    " \n\t",
    "\x00",
    "\ud800 alone",
    "\u202e\u200b\ufeff",
    "a\u0301" * 50,
    "🚢" * 300,
    "x" * 5000,
    "[CLS] [SEP]",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_gets_a_vector(text: str, encoder: Encoder) -> None:
    assert np.isfinite(encoder.encode([text])).all()


@given(st.text(max_size=200))
@settings(deadline=None, max_examples=100)
def test_offsets_stand_in_the_text_in_order(encoder: Encoder, text: str) -> None:
    offsets = encoder.offsets(text)
    assert len(offsets) == encoder.count_tokens(text)
    assert all(0 <= start <= end <= len(text) for start, end in offsets)
    assert offsets == sorted(offsets)


def test_offsets_are_characters_not_bytes(encoder: Encoder) -> None:
    text = "Größe 🚢 ship\ud800 München"
    words = [text[start:end] for start, end in encoder.offsets(text)]
    assert "".join(words) == text.replace(" ", "")
    assert "ship" in words


def test_what_is_no_list_of_texts_is_refused(encoder: Encoder) -> None:
    with pytest.raises(TypeError, match="list of texts"):
        encoder.encode("one text")
    with pytest.raises(TypeError, match="list of texts"):
        encoder.encode(["a", None])  # type: ignore[list-item]


@pytest.mark.parametrize("broken", ["graph", "tokenizer"])
def test_broken_files_are_named(broken: str, encoder: Encoder, tmp_path: Path) -> None:
    path = tmp_path / "broken"
    path.write_bytes(b"not what it should be")
    graph = path if broken == "graph" else encoder.files.graph
    tokenizer = path if broken == "tokenizer" else encoder.files.tokenizer
    with pytest.raises(ModelFilesError, match=str(path)):
        Encoder(EncoderFiles(graph, tokenizer, "x")).encode(["a"])


def test_loads_when_first_used(tmp_path: Path) -> None:
    encoder = Encoder(EncoderFiles(tmp_path / "none", tmp_path / "none", "print"), threads=5)
    assert (encoder.fingerprint, encoder.max_tokens, encoder.threads) == ("print", 256, 5)
