"""Texts to vectors with all-MiniLM-L6-v2 on onnxruntime. Knows nothing of where its files come from.

Each text is a run of its own on one thread. Padded batches of 32 were measured to gain 15 % on texts of ten tokens and
to lose 20 % on abstracts, and dynamic quantisation makes a vector depend on the other texts of its batch (cosine .985
to .994). Run alone, a text has the same vector every time; several threads run several texts.
"""

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pilothouse.errors import ModelFilesError
from pilothouse.models.runtime import load_onnxruntime
from pilothouse.models.tokens import TOKENS, graph_with_tokens

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["DIMENSIONS", "MAX_TOKENS", "Encoder", "EncoderFiles"]

DIMENSIONS = 384
MAX_TOKENS = 256  # what the model was trained on, its two special tokens included
_MAX_CHARACTERS = 65_536  # read of one text: 256 tokens are far fewer, and tokenizing these takes 20 to 120 ms
_MAX_THREADS = 4
_PIECE = MAX_TOKENS - 2
_MAX_VECTORS = 8 * _PIECE  # of one text: as many megabytes as 1.5 KB each make, and 0.3 s

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class EncoderFiles:
    """What an Encoder runs from. `fingerprint` names the vector space: only vectors of one space may be compared."""

    graph: Path
    tokenizer: Path
    fingerprint: str


class Encoder:
    """Loads at first use (about 0.2 s); safe to share between threads.

    `threads` is how many texts of one `encode` run at once, by default the usable cores up to four.
    """

    dimensions = DIMENSIONS
    max_tokens = MAX_TOKENS

    def __init__(self, files: EncoderFiles, *, threads: int | None = None) -> None:
        self.files = files
        self.threads = threads or min(_MAX_THREADS, _usable_cores())
        self._loading = threading.Lock()

    @property
    def fingerprint(self) -> str:
        return self.files.fingerprint

    def encode(self, texts: Sequence[str]) -> Vectors:
        """L2-normalised float32 rows, (len(texts), 384). A text past 256 tokens is cut, an empty one has a vector too.

        Raises ModelFilesError when the files cannot be loaded.
        """
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise TypeError("encode takes a list of texts")
        vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        self.load()
        several = self.threads > 1 and len(texts) > 1
        for row, vector in enumerate(self._pool.map(self._run, texts) if several else map(self._run, texts)):
            vectors[row] = vector
        return vectors

    def token_vectors(self, text: str) -> Vectors:
        """The last layer's vector of each token, special ones left out: L2-normalised float32 rows, (tokens, 384).

        Read in pieces of 254 tokens, each by itself, and not past 2,032. Raises ModelFilesError.
        """
        begin, end = self._tokenizer.encode("").ids
        ids = self._tokenizer.encode(_readable(text[:_MAX_CHARACTERS]), add_special_tokens=False).ids[:_MAX_VECTORS]
        rows = np.empty((len(ids), DIMENSIONS), dtype=np.float32)
        for start in range(0, len(ids), _PIECE):
            piece = np.array([[begin, *ids[start : start + _PIECE], end]], dtype=np.int64)
            (vectors,) = self._token_session.run([TOKENS], {"input_ids": piece})
            rows[start : start + _PIECE] = vectors[0, 1:-1]
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows

    def count_tokens(self, text: str) -> int:
        """Tokens of the whole text, without the special ones."""
        return len(self._tokenizer.encode(_readable(text), add_special_tokens=False).ids)

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Where each token of the whole text stands, as (start, end) characters. White space belongs to no token."""
        return self._tokenizer.encode(_readable(text), add_special_tokens=False).offsets

    def load(self) -> None:
        """Load the files now rather than with the first text."""
        with self._loading:
            _ = self._tokenizer, self._session

    def _run(self, text: str) -> Vectors:
        ids = self._tokenizer.encode(_readable(text[:_MAX_CHARACTERS])).ids
        if len(ids) > MAX_TOKENS:
            ids = [*ids[: MAX_TOKENS - 1], ids[-1]]
        (vectors,) = self._session.run(None, {"input_ids": np.array([ids], dtype=np.int64)})
        return vectors[0]  # type: ignore[no-any-return]

    @cached_property
    def _tokenizer(self) -> "Tokenizer":
        from tokenizers import Tokenizer  # noqa: PLC0415 - costs 30 ms that a server without embeddings does not need

        try:
            tokenizer = Tokenizer.from_file(str(self.files.tokenizer))
        except Exception as error:  # tokenizers raises nothing narrower
            raise ModelFilesError(f"{self.files.tokenizer}: not a tokenizer: {error}.") from error
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _session(self) -> Any:
        return self._started(self.files.graph.read_bytes())

    @cached_property
    def _token_session(self) -> Any:
        return self._started(graph_with_tokens(self.files.graph))

    def _started(self, graph: bytes) -> Any:
        onnxruntime = load_onnxruntime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # no pool of its own: nothing spins when idle
        options.log_severity_level = 3
        try:
            return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors share no base but this one
            raise ModelFilesError(f"{self.files.graph}: onnxruntime cannot load it: {error}.") from error

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.threads, thread_name_prefix="encoder")


def _readable(text: str) -> str:
    """The text with lone surrogates, which no UTF-8 has, as question marks: one for one, so offsets stay true."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
