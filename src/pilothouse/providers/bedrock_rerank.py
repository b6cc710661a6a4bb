"""Bedrock's Rerank, both ways. Written from the service model of bedrock-agent-runtime. Knows nothing of HTTP."""

from pilothouse.single import RerankRequest
from pilothouse.types import Json, Usage

__all__ = ["rerank_usage", "scores_of", "to_rerank"]

_KNOWN = frozenset({"model", "query", "documents", "top_n", "return_documents"})
_UNIT_DOCUMENTS, _UNIT_CHARACTERS = 100, 2000  # of one query as it is billed: 500 tokens of 4 characters a document


def to_rerank(request: RerankRequest, model_arn: str) -> Json:
    """The body of POST /rerank."""
    more = {name: value for name, value in request.body.items() if name not in _KNOWN}
    model: Json = {"modelArn": model_arn, **({"additionalModelRequestFields": more} if more else {})}
    ranking: Json = {"numberOfResults": request.top_n, "modelConfiguration": model}
    return {
        "queries": [{"type": "TEXT", "textQuery": {"text": request.query}}],
        "sources": [
            {"type": "INLINE", "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": text}}}
            for text in request.texts
        ],
        "rerankingConfiguration": {"type": "BEDROCK_RERANKING_MODEL", "bedrockRerankingConfiguration": ranking},
    }


def scores_of(body: Json) -> list[tuple[int, float]]:
    """(index, score) of each result. Raises KeyError, TypeError or ValueError where it is none."""
    return [(int(row["index"]), float(row["relevanceScore"])) for row in body["results"]]


def rerank_usage(request: RerankRequest) -> Usage:
    """About how many queries are billed: one for each 100 documents, where a long one counts as several."""
    asked = len(request.query)
    pieces = sum(-(-(asked + len(text)) // _UNIT_CHARACTERS) for text in request.texts)
    return Usage(0, units=-(-pieces // _UNIT_DOCUMENTS), estimated=True)
