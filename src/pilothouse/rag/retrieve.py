"""Finds the passages for a question: dense and BM25 search over one version of a corpus, fused into one ranking.

Fusion is the weighted sum of min-max normalised scores. Knows nothing of prompts and answers.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from pilothouse.call import Call
from pilothouse.protocols import Embed
from pilothouse.rag.index import CorpusIndex, CorpusInfo, Reading
from pilothouse.storage.vectors import top_k
from pilothouse.types import EmbedRequest, Hit

__all__ = ["HybridRetriever", "search"]

EMBEDDER = "builtin/minilm"
POOL = 100  # candidates of each search; beyond, the fused ranking of the first ten does not change
DENSE_WEIGHT = 0.5


class HybridRetriever:
    """A Retriever over one corpus. `fingerprint` tells which encoder answers for `builtin/minilm`."""

    def __init__(self, index: CorpusIndex, embed: Embed, fingerprint: Callable[[], Awaitable[str]]) -> None:
        self._index = index
        self._embed = embed
        self._fingerprint = fingerprint

    async def retrieve(self, query: str, k: int, call: Call) -> list[Hit]:
        """The best `k` chunks, best first, recorded as a span; the call then names the corpus and its version.

        Raises NotFound where the corpus is gone, ConfigError where another encoder made it.
        """
        with call.step("rag.retrieve", "retriever") as (span, inner):
            span.attributes |= {"corpus": self._index.name, "k": k}
            span.input = {"query": query}
            answer = await self._embed(EmbedRequest({"model": EMBEDDER, "input": query}), inner)
            vector = np.array(msgspec.json.decode(answer.raw)["data"][0]["embedding"], dtype=np.float32)
            info, hits = await asyncio.to_thread(self._search, query, vector, k, await self._fingerprint())
            call.versions["corpus"] = f"{info.name}@{info.version}-{info.version_id}"
            sources = list(dict.fromkeys(hit.source for hit in hits))
            span.attributes |= {"corpus_version": info.version, "hits": len(hits), "sources": sources}
            span.output = {"hits": [{"chunk_id": h.chunk_id, "place": h.place, "score": h.score} for h in hits]}
            return hits

    def _search(
        self, query: str, vector: NDArray[np.float32], k: int, fingerprint: str
    ) -> tuple[CorpusInfo, list[Hit]]:
        with self._index.reading() as reading:
            reading.check_encoder(fingerprint)
            return reading.info, search(reading, query, vector, k)


def search(
    reading: Reading, query: str, vector: NDArray[np.float32], k: int, dense_weight: float = DENSE_WEIGHT
) -> list[Hit]:
    """The best `k` chunks for a query and its vector. A hit's score lies between 0 and 1."""
    chunks, cosines = reading.dense(vector)
    nearest = top_k(cosines, max(POOL, k))
    dense = {int(chunks[i]): float(cosines[i]) for i in nearest}
    sparse = dict(reading.bm25(query, max(POOL, k)))
    dense_share, sparse_share = _normalised(dense), _normalised(sparse)
    scores = {
        chunk: dense_weight * dense_share.get(chunk, 0.0) + (1 - dense_weight) * sparse_share.get(chunk, 0.0)
        for chunk in dense | sparse
    }
    best = sorted(scores, key=lambda chunk: (-scores[chunk], chunk))[:k]
    ranks = {"dense": _ranks(dense), "bm25": _ranks(sparse)}
    found = reading.hits(best)
    return [
        replace(
            found[chunk],
            score=round(scores[chunk], 6),
            ranks={name: rank[chunk] for name, rank in ranks.items() if chunk in rank},
        )
        for chunk in best
    ]


def _normalised(scores: Mapping[int, float]) -> dict[int, float]:
    """Min-max to 0..1; all 1 where they are equal."""
    if not scores:
        return {}
    low, high = min(scores.values()), max(scores.values())
    return {chunk: (score - low) / (high - low) if high > low else 1.0 for chunk, score in scores.items()}


def _ranks(scores: Mapping[int, float]) -> dict[int, int]:
    """From 1, in the order in which the search gave them: best first."""
    return {chunk: rank for rank, chunk in enumerate(scores, 1)}
