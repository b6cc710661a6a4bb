"""The encoder as the guards of one call ask it: what it made is kept on the call, for caches and routing too."""

from collections.abc import MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pilothouse.protocols import Encode

if TYPE_CHECKING:
    from pilothouse.protocols import Vectors

__all__ = ["KEPT", "CallEncode"]

KEPT = 32
"""Texts whose vectors are kept of one call."""


class CallEncode:
    """An Encode (protocols) that asks `encode` once for a text; `vectors` are the call's own, by text."""

    def __init__(self, encode: Encode, vectors: MutableMapping[str, Any]) -> None:
        self._encode, self._vectors = encode, vectors

    async def __call__(self, texts: Sequence[str]) -> "Vectors":
        texts = list(texts)
        missing = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        made: dict[str, Any] = {}
        if missing or not texts:
            rows = await self._encode(missing)
            made = dict(zip(missing, rows, strict=True))
            for text, row in made.items():
                if len(self._vectors) < KEPT:
                    self._vectors[text] = row
            if len(missing) == len(texts):
                return rows
        return np.vstack([made[text] if text in made else self._vectors[text] for text in texts])

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return await self._encode.count_tokens(texts)

    async def token_vectors(self, texts: Sequence[str]) -> "list[Vectors]":
        return await self._encode.token_vectors(texts)
