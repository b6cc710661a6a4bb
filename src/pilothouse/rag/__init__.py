"""Documents in, cited answers out: loaders, chunks, versioned corpora, retrieval, answers."""

from pilothouse.rag.answer import Rag
from pilothouse.rag.chunk import ChunkSettings
from pilothouse.rag.index import CorpusIndex, CorpusInfo, DocumentInfo
from pilothouse.rag.ingest import IngestReport, Outcome, ingest
from pilothouse.rag.provider import RagProvider
from pilothouse.rag.retrieve import HybridRetriever

__all__ = [
    "ChunkSettings", "CorpusIndex", "CorpusInfo", "DocumentInfo", "HybridRetriever", "IngestReport", "Outcome", "Rag",
    "RagProvider", "ingest",
]  # fmt: skip
