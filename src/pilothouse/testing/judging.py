"""Reranks and moderations as wire-format servers answer them: scores by shared words, flags by one word.

Written from https://docs.cohere.com/reference/rerank (v2), vLLM's and Jina's `/v1/rerank` and
https://platform.openai.com/docs/api-reference/moderations. Knows nothing of HTTP.
"""

from typing import Any

from pilothouse.testing.wire import Answer
from pilothouse.types import Json

__all__ = ["HARMFUL", "moderated", "relevance", "reranked"]

HARMFUL = "harmful"
"""The word for which an input is flagged."""
_CATEGORIES = ("harassment", "violence", "illicit/violent")


def relevance(query: str, text: str) -> float:
    """The share of words that a query and a text have in common."""
    asked, told = set(query.lower().split()), set(text.lower().split())
    return len(asked & told) / max(1, len(asked | told))


def reranked(body: Json, answer: Answer) -> Json:
    """As vLLM and Jina: results with their documents, best first, and the tokens read."""
    texts = [one if isinstance(one, str) else one["text"] for one in body["documents"]]
    scores = sorted(((relevance(body["query"], text), at) for at, text in enumerate(texts)), reverse=True)
    results = [{"index": at, "document": {"text": texts[at]}, "relevance_score": score} for score, at in scores]
    whole: Json = {"id": "rerank-wire", "model": body["model"], "results": results[: body.get("top_n") or len(texts)]}
    return whole if answer.usage is None else {**whole, "usage": {"total_tokens": answer.usage.input_tokens}}


def moderated(body: Json) -> Json:
    """One result per text; parts of text and images are one input together."""
    given: Any = body["input"]
    inputs = [given] if isinstance(given, str) or isinstance(given[0], dict) else given
    return {"id": "modr-wire", "model": body.get("model"), "results": [_result(one) for one in inputs]}


def _result(one: Any) -> Json:
    parts = [part.get("text") or "" for part in one] if isinstance(one, list) else [one]
    flagged = any(HARMFUL in part for part in parts)
    kinds = ["image", "text"] if isinstance(one, list) and any(p["type"] == "image_url" for p in one) else ["text"]
    return {
        "flagged": flagged,
        "categories": dict.fromkeys(_CATEGORIES, flagged),
        "category_scores": dict.fromkeys(_CATEGORIES, 0.97 if flagged else 0.0001),
        "category_applied_input_types": dict.fromkeys(_CATEGORIES, kinds),
    }
