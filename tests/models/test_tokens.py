from pathlib import Path

import numpy as np
import pytest

from pilothouse.errors import ModelFilesError
from pilothouse.models.encoder import MAX_TOKENS, Encoder
from pilothouse.models.tokens import graph_with_tokens


def test_the_mean_of_the_tokens_is_the_vector_of_the_text(encoder: Encoder) -> None:
    """Short of the two special tokens and of the lengths, which averaging comes before."""
    text = "The pump holds twelve litres and was built in Leeds in 1987."
    tokens = encoder.token_vectors(text)
    assert tokens.shape == (encoder.count_tokens(text), encoder.dimensions)
    assert np.allclose(np.linalg.norm(tokens, axis=1), 1, atol=1e-5)
    mean = tokens.mean(axis=0)
    assert encoder.encode([text])[0] @ mean / np.linalg.norm(mean) > 0.95


def test_a_word_has_another_vector_in_another_sentence(encoder: Encoder) -> None:
    river, money, again = (
        encoder.token_vectors(text)[1]
        for text in ("the bank of a river", "the bank lent us money", "the bank of a river")
    )
    assert np.array_equal(river, again)
    assert river @ money < 0.9


def test_long_texts_are_read_in_pieces_and_empty_ones_have_no_token(encoder: Encoder) -> None:
    piece = "word " * (MAX_TOKENS - 2)
    twice = encoder.token_vectors(piece * 2)
    assert np.array_equal(twice[: MAX_TOKENS - 2], encoder.token_vectors(piece))
    assert len(twice) == 2 * (MAX_TOKENS - 2)
    assert len(encoder.token_vectors("word " * 3000)) == 8 * (MAX_TOKENS - 2)
    assert encoder.token_vectors("").shape == (0, encoder.dimensions)


def test_what_is_no_graph_is_told(tmp_path: Path) -> None:
    (tmp_path / "encoder.onnx").write_bytes(b"nothing of the kind")
    with pytest.raises(ModelFilesError, match=r"encoder.onnx"):
        graph_with_tokens(tmp_path / "encoder.onnx")
