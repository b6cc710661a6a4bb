"""The models that are always there, without a key or a download of gigabytes: echo, extractive and minilm.

echo         chat: repeats the last user message, word by word when streaming; for tests and first steps
extractive   chat: quotes the passages in the prompt that answer its question, with their numbers; not generative
minilm       embeddings: the embedded encoder, all-MiniLM-L6-v2; rerank: by the cosine of its vectors
"""

import asyncio
import re
from collections.abc import AsyncGenerator

from pilothouse.call import Call
from pilothouse.config import ProviderConfig
from pilothouse.errors import InvalidRequest, UnknownModel, Unsupported
from pilothouse.protocols import Encode
from pilothouse.providers import extractive
from pilothouse.providers.completion import Completion, embeddings
from pilothouse.providers.reranking import ranked
from pilothouse.single import RerankRequest
from pilothouse.types import ChatChunk, ChatRequest, EmbedRequest, EmbedResponse, Usage, text_of

__all__ = ["BuiltinProvider"]

_CHAT = ("echo", "extractive")
_EMBEDDINGS = ("minilm",)
_DIMENSIONS = 384
_MAX_INPUTS = 2048  # as OpenAI's
_BREATH = 64  # words, about a millisecond
_TOKEN = re.compile(r"\s*\S+")


class BuiltinProvider:
    """Runs in this process. `encode` is the embedded encoder; echo works without its files.

    A chat token is a word with the white space before it: usage is exact in these.
    """

    operations = frozenset({"chat", "embeddings", "rerank"})

    def __init__(self, name: str, config: ProviderConfig, encode: Encode) -> None:
        self.name = name
        self.config = config
        self._encode = encode

    async def chat(self, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        self._check(request.model, _CHAT, "chat")
        text = request.last_user_text()
        if request.model == "extractive":
            text = await extractive.answer(text, self._encode)
        pieces = _TOKEN.findall(text.rstrip())  # after a last blank the pattern would try every place anew
        limit = request.max_tokens
        reason = "stop" if limit is None or len(pieces) <= limit else "length"
        pieces = pieces[:limit]
        prompt = "\n".join(text_of(message.get("content")) for message in request.messages)
        usage = Usage(len(prompt.split()), len(pieces))
        completion = Completion(request.model)
        if not request.stream:
            yield completion.whole(reason, None, usage, text="".join(pieces))
            return
        for number, piece in enumerate(pieces, 1):
            for chunk in completion.text(piece):
                yield chunk
            if number % _BREATH == 0:
                await asyncio.sleep(0)  # nothing here waits: let other calls run, and a cancellation arrive
        for chunk in completion.finish(reason, None, usage):
            yield chunk

    async def embed(self, request: EmbedRequest, call: Call) -> EmbedResponse:
        self._check(request.model, _EMBEDDINGS, "embeddings")
        texts = request.texts
        self._check_count(len(texts), "input")
        if request.body.get("dimensions") not in (None, _DIMENSIONS):
            raise Unsupported(
                f"'minilm' has {_DIMENSIONS} dimensions, and was not trained to be cut shorter.", param="dimensions"
            )
        vectors = await self._encode(texts)
        usage = Usage(input_tokens=sum(await self._encode.count_tokens(texts)))
        return embeddings(vectors.tolist(), request.model, usage, request.body.get("encoding_format"))

    async def rerank(self, request: RerankRequest, call: Call) -> EmbedResponse:
        """`relevance_score` is the cosine of the query's vector and the document's, from -1 to 1."""
        self._check(request.model, _EMBEDDINGS, "rerank")
        texts = [request.query, *request.texts]
        self._check_count(len(texts) - 1, "documents")
        vectors = await self._encode(texts)
        usage = Usage(input_tokens=sum(await self._encode.count_tokens(texts)))
        return ranked(request, request.model, enumerate((vectors[1:] @ vectors[0]).tolist()), usage)

    async def models(self) -> list[str]:
        return [*_CHAT, *_EMBEDDINGS]

    async def aclose(self) -> None:
        """Nothing to close: the encoder belongs to whoever handed it in."""

    def _check_count(self, count: int, name: str) -> None:
        if count > _MAX_INPUTS:
            raise InvalidRequest(f"'{name}' holds {count} texts: send at most {_MAX_INPUTS} at once.", param=name)

    def _check(self, model: str, served: tuple[str, ...], what: str) -> None:
        if model not in served:
            raise UnknownModel(
                f"'{self.name}' has no {what} model '{model}'. There is: {', '.join(served)}.", param="model"
            )
