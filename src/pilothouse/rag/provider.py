"""Corpora as models: `rag:<corpus>` in any OpenAI client. A provider like the others, over the answerer."""

from collections.abc import AsyncGenerator

from pilothouse.call import Call
from pilothouse.errors import Unsupported
from pilothouse.rag.answer import Rag
from pilothouse.types import ChatChunk, ChatRequest, EmbedRequest, EmbedResponse

__all__ = ["RagProvider"]


class RagProvider:
    """Its models are the names of corpora."""

    operations: frozenset[str] = frozenset({"chat"})

    def __init__(self, name: str, rag: Rag) -> None:
        self.name = name
        self._rag = rag

    def chat(self, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        return self._rag.ask(request.model, request, call)

    async def embed(self, request: EmbedRequest, call: Call) -> EmbedResponse:
        raise Unsupported("A corpus has no embeddings: use 'builtin/minilm'.", param="model")

    async def models(self) -> list[str]:
        return [info.name for info in await self._rag.corpora()]

    async def version(self, model: str, call: Call) -> str:
        """What a corpus answers from now: its version and the prompt. Raises UnknownModel or StorageError."""
        return await self._rag.version(model, call.project_id)

    async def aclose(self) -> None:
        self._rag.close()
