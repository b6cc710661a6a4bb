"""What a deployment answered to the golden prompts in one run. Knows nothing of who asked."""

import base64

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = ["Answer", "Run", "packed_vector", "vector_of"]

_HALF = np.dtype("<f2")


class Answer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One answer: the text, and what came with it. `error` says why there is none. `vector` is the encoder's of the
    text, `scores` what evaluators said."""

    text: str = ""
    error: str | None = None
    model: str | None = None
    fingerprint: str | None = None
    finish: str | None = None
    seconds: float = 0.0
    tokens: int | None = None
    vector: str | None = None
    scores: dict[str, float] = {}


class Run(msgspec.Struct, kw_only=True):
    """The answers by prompt, of a run that began at `at_us` (UTC microseconds)."""

    at_us: int
    answers: dict[str, Answer]

    @property
    def answered(self) -> dict[str, Answer]:
        """Those that there are."""
        return {key: one for key, one in self.answers.items() if one.error is None}


def packed_vector(vector: NDArray[np.float32]) -> str:
    """As half-precision numbers in base64: a cosine is off by less than 0.001."""
    return base64.b64encode(vector.astype(_HALF).tobytes()).decode()


def vector_of(packed: str) -> NDArray[np.float32]:
    """The vector, L2-normalised."""
    vector = np.frombuffer(base64.b64decode(packed), _HALF).astype(np.float32)
    return np.asarray(vector / (float(np.linalg.norm(vector)) or 1.0), np.float32)
