"""The degraded answer: a fixed text, said in place of models that all failed. A provider, so that it is said in every
dialect; it costs nothing."""

from collections.abc import AsyncGenerator

from pilothouse.call import Call
from pilothouse.errors import Unsupported
from pilothouse.gateway.routing.plan import Deployment
from pilothouse.providers.completion import Completion
from pilothouse.types import ChatChunk, ChatRequest, EmbedRequest, EmbedResponse, Usage

__all__ = ["DEGRADED", "degraded"]

DEGRADED = "degraded"
"""The name of the deployment and of the model that such an answer gives as its own."""


def degraded(answer: str) -> Deployment:
    """A deployment that always says this."""
    return Deployment(DEGRADED, _Degraded(answer), "builtin", "builtin", DEGRADED)


class _Degraded:
    name = DEGRADED
    operations = frozenset({"chat"})

    def __init__(self, answer: str) -> None:
        self._answer = answer

    async def chat(self, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        completion, usage = Completion(DEGRADED), Usage()
        if not request.stream:
            yield completion.whole("stop", None, usage, text=self._answer)
            return
        for chunk in completion.text(self._answer):
            yield chunk
        for chunk in completion.finish("stop", None, usage):
            yield chunk

    async def embed(self, request: EmbedRequest, call: Call) -> EmbedResponse:
        raise Unsupported("There is no degraded answer but of text.", param="model")

    async def models(self) -> list[str]:
        return [DEGRADED]

    async def aclose(self) -> None:
        """Nothing to close."""
