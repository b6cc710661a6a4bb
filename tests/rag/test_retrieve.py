from pathlib import Path

import msgspec
import pytest

from pilothouse.errors import ConfigError
from pilothouse.rag import HybridRetriever
from pilothouse.rag.retrieve import search
from pilothouse.testing.record import MemoryRecorder, new_call
from pilothouse.types import EmbedRequest, EmbedResponse

from .conftest import Corpus
from .made import write_notes

NOTES = {
    "tides.txt": "The moon pulls the sea twice a day.",
    "rain.txt": "Rain falls when clouds are full.",
    "sun.txt": "The sun warms the sea and the land.",
}


@pytest.fixture
def filled(corpus: Corpus, tmp_path: Path) -> Corpus:
    corpus.ingest(write_notes(tmp_path / "notes", NOTES))
    return corpus


def find(corpus: Corpus, query: str, k: int = 3, weight: float = 0.5) -> list[tuple[str, dict[str, int]]]:
    with corpus.index.reading() as reading:
        hits = search(reading, query, corpus.encoder.encode([query])[0], k, weight)
    return [(hit.source, hit.ranks) for hit in hits]


def test_both_searches_are_fused(filled: Corpus) -> None:
    (best, ranks), *_ = found = find(filled, "moon and sea")
    assert (best, ranks) == ("tides.txt", {"dense": ranks["dense"], "bm25": 1})
    assert {source for source, _ in found} == set(NOTES)
    assert found[-1] == ("rain.txt", {"dense": 3})


def test_scores_lie_between_0_and_1_and_fall(filled: Corpus) -> None:
    with filled.index.reading() as reading:
        hits = search(reading, "moon sea", filled.encoder.encode(["moon sea"])[0], 3)
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert 0 <= scores[-1] <= scores[0] <= 1


def test_scores_of_one_search_run_from_1_to_0_whatever_its_cosines(filled: Corpus) -> None:
    query = "the moon, the sun and rain are full"  # no note is without its share
    vector = filled.encoder.encode([query])[0]
    with filled.index.reading() as reading:
        assert reading.dense(vector)[1].min() > 0
        hits = search(reading, query, vector, 3, 1.0)
    assert (hits[0].score, hits[-1].score) == (1.0, 0.0)


def test_k_bounds_the_hits(filled: Corpus) -> None:
    assert len(find(filled, "sea", k=1)) == 1


def test_weights_choose_one_search(filled: Corpus) -> None:
    assert find(filled, "clouds", weight=0.0)[0][0] == "rain.txt"
    assert find(filled, "Rain falls when clouds are full.", weight=1.0)[0] == ("rain.txt", {"dense": 1, "bm25": 1})


def test_without_words_the_vectors_decide(filled: Corpus) -> None:
    assert all("bm25" not in ranks for _, ranks in find(filled, "?"))


def retriever(corpus: Corpus, fingerprint: str = "hashing-64") -> HybridRetriever:
    async def embed(request: EmbedRequest, call: object) -> EmbedResponse:
        assert request.model == "builtin/minilm"
        rows = corpus.encoder.encode(request.texts)
        data = [{"index": i, "embedding": row.tolist()} for i, row in enumerate(rows)]
        return EmbedResponse(msgspec.json.encode({"object": "list", "data": data}))

    async def known() -> str:
        return fingerprint

    return HybridRetriever(corpus.index, embed, known)


async def test_a_retrieval_is_a_span_that_names_the_version(filled: Corpus) -> None:
    call = new_call()
    hits = await retriever(filled).retrieve("moon", 2, call)
    assert isinstance(call.recorder, MemoryRecorder)
    (span,) = call.recorder.spans
    assert (span.name, span.kind, span.status) == ("rag.retrieve", "retriever", "ok")
    version_id = filled.index.info().version_id
    assert call.versions["corpus"] == span.versions["corpus"] == f"notes@1-{version_id}"
    assert span.attributes == {
        "corpus": "notes", "k": 2, "corpus_version": 1, "hits": 2, "sources": [hit.source for hit in hits],
    }  # fmt: skip
    assert span.output is not None
    assert span.output["hits"][0]["chunk_id"] == hits[0].chunk_id


async def test_another_encoder_is_refused(filled: Corpus) -> None:
    with pytest.raises(ConfigError, match="Make it anew"):
        await retriever(filled, "other").retrieve("moon", 2, new_call())
