"""Writes the answer of a rerank from what a vendor scored, in the shape that Cohere and Jina share. Knows no vendor."""

from collections.abc import Iterable

import msgspec

from pilothouse.single import RerankRequest
from pilothouse.types import EmbedResponse, Json, Usage

__all__ = ["ranked", "scored"]


def scored(rows: Iterable[Json]) -> list[tuple[int, float]]:
    """(index, score) of each result; `score` is what Text Embeddings Inference says for `relevance_score`.

    Raises KeyError, TypeError or ValueError where a row has neither.
    """
    return [
        (int(row["index"]), float(row["relevance_score"] if "relevance_score" in row else row["score"])) for row in rows
    ]


def ranked(
    request: RerankRequest, model: str, scores: Iterable[tuple[int, float]], usage: Usage | None, **more: object
) -> EmbedResponse:
    """The best `top_n`, best first; `more` are further fields of the answer. Raises IndexError for a document that was
    not sent."""
    texts = request.texts
    results = []
    for index, score in sorted(scores, key=lambda pair: (-pair[1], pair[0]))[: request.top_n]:
        if not 0 <= index < len(texts):
            raise IndexError(f"document {index} of {len(texts)}")
        result: Json = {"index": index, "relevance_score": score}
        if request.body.get("return_documents"):
            result["document"] = {"text": texts[index]}
        results.append(result)
    body: Json = {"model": model, "results": results, **more}
    if usage is not None:
        body["usage"] = {"prompt_tokens": usage.input_tokens, "total_tokens": usage.input_tokens}
    return EmbedResponse(msgspec.json.encode(body), usage)
