"""Requests with one answer beside embeddings: rerank, in the shape that Cohere and Jina share, and moderations, in
OpenAI's. Knows nothing of providers."""

from typing import Annotated, Any, Self

import msgspec

from pilothouse.errors import InvalidRequest
from pilothouse.types import Json, ModelName, SingleRequest, check_body

__all__ = ["DEFAULT_MODERATION", "ModerationRequest", "RerankRequest"]

DEFAULT_MODERATION = "omni-moderation-latest"
"""What OpenAI takes where the caller names no model."""

_UNIT_DOCUMENTS, _UNIT_TOKENS = 100, 500  # of one search unit at Cohere: documents, tokens of each with its query


class _Document(msgspec.Struct):
    text: str


class _RerankBody(msgspec.Struct):
    model: ModelName
    query: str
    documents: list[str | _Document]
    top_n: Annotated[int, msgspec.Meta(ge=1)] | None = None
    return_documents: bool | None = None


class _ImageUrl(msgspec.Struct):
    url: str


class _Part(msgspec.Struct):
    type: str
    text: str | None = None
    image_url: _ImageUrl | None = None


class _ModerationBody(msgspec.Struct):
    input: str | list[str | _Part]
    model: ModelName = DEFAULT_MODERATION


class RerankRequest(SingleRequest):
    """Which of these documents answer the query best. A document is a text, or an object with a `text`."""

    __slots__ = ()
    operation = "rerank"

    @classmethod
    def check(cls, body: Json) -> Self:
        check_body(body, _RerankBody)
        for name in ("query", "documents"):
            if not body[name]:
                raise InvalidRequest(f"'{name}' is empty.", param=name)
        return cls(body)

    @property
    def query(self) -> str:
        return self.body["query"]  # type: ignore[no-any-return]

    @property
    def texts(self) -> list[str]:
        """The documents as texts."""
        return [one if isinstance(one, str) else one["text"] for one in self.body["documents"]]

    @property
    def top_n(self) -> int:
        """How many results are wanted: as many as there are documents where the caller does not say."""
        return min(self.body.get("top_n") or len(self.body["documents"]), len(self.body["documents"]))

    def input_texts(self) -> list[str]:
        """What the model is to read: each document with the query."""
        texts = self.texts
        return [self.query] * len(texts) + texts

    def most_units(self) -> int:
        """No fewer search units than Cohere may bill: 100 documents each, where one that is longer than 500 tokens with
        its query counts once per 500 (cohere.com/pricing). A token has at least one byte."""
        asked = len(self.query.encode("utf-8", "surrogatepass"))
        sizes = (asked + len(text.encode("utf-8", "surrogatepass")) for text in self.texts)
        return -(-sum(-(-size // _UNIT_TOKENS) for size in sizes) // _UNIT_DOCUMENTS)


class ModerationRequest(SingleRequest):
    """Whether an input is harmful: a text, texts, or parts of text and images that belong together."""

    __slots__ = ()
    operation = "moderations"

    @classmethod
    def check(cls, body: Json) -> Self:
        """Without a `model` the body gets OpenAI's default."""
        if body.get("model") is None:
            body = {**body, "model": DEFAULT_MODERATION}
        check_body(body, _ModerationBody)
        given: Any = body["input"]
        if not given:
            raise InvalidRequest("'input' is empty: send a text, texts, or parts of text and images.", param="input")
        for at, part in enumerate(given if isinstance(given, list) else ()):
            if isinstance(part, dict) and part["type"] not in ("text", "image_url"):
                raise InvalidRequest("A part is of the type 'text' or 'image_url'.", param=f"input[{at}].type")
            if isinstance(part, dict) and part.get(part["type"]) is None:
                raise InvalidRequest(f"The part has no '{part['type']}'.", param=f"input[{at}].{part['type']}")
        return cls(body)
