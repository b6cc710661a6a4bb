"""The strategy `complexity`: the encoder's vector of a request, the head's opinion of it, and the choice of an alias.

One vector per call at most: it is kept on the Call for whoever else reads it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pilothouse.call import Call
from pilothouse.config import ModelConfig
from pilothouse.gateway.routing.difficulty import row
from pilothouse.gateway.routing.plan import Request
from pilothouse.models.heads import Head
from pilothouse.protocols import Encode
from pilothouse.types import ChatRequest

if TYPE_CHECKING:
    from pilothouse.gateway.routing.router import Choice

__all__ = ["Complexity", "Opinion", "embedding_of"]

_ENCODED = 2000  # characters of the last user message: more than the encoder's 256 tokens hold


async def embedding_of(request: ChatRequest, call: Call, encode: Encode) -> Any:
    """The vector of the last user message, (384,) float32; None where there is no text."""
    if call.embedding is None:
        text = request.last_user_text()[:_ENCODED]
        if text.strip():
            call.embedding = call.vectors[text] if text in call.vectors else (await encode([text]))[0]
    return call.embedding


@dataclass(frozen=True, slots=True)
class Opinion:
    """`choice` is "simple" or "complex"; `probability` that the request is hard, against the `threshold`."""

    choice: "Choice"
    probability: float
    threshold: float

    @property
    def reason(self) -> str:
        return f"complexity {self.probability:.2f} {'<' if self.choice == 'simple' else '>='} {self.threshold:.2f}"


class Complexity:
    """Judges requests by a head: the shipped one, or the file that an alias names (ConfigError where it is none)."""

    def __init__(self, encode: Encode, load: Callable[[Path], Head] = Head.load) -> None:
        self._encode = encode
        self._load = load
        self._heads: dict[str | None, Head] = {}

    async def opinion(self, request: ChatRequest, call: Call, model: ModelConfig) -> Opinion:
        head = self._head(model.head)
        vector = await embedding_of(request, call, self._encode)
        threshold = head.threshold if model.threshold is None else model.threshold
        if vector is None:
            return Opinion("complex", 1.0, threshold)
        chance = head.probability(row(request, vector))
        return Opinion("simple" if chance < threshold else "complex", chance, threshold)

    async def choose(self, request: Request, call: Call, model: ModelConfig) -> "Choice":
        """The router's hook: the choice, and how hard the request seems noted on the call."""
        if not isinstance(request, ChatRequest):
            return "complex"
        opinion = await self.opinion(request, call, model)
        call.hardness = round(opinion.probability, 3)
        return opinion.choice

    def _head(self, path: str | None) -> Head:
        if path not in self._heads:
            self._heads[path] = Head.shipped("difficulty") if path is None else self._load(Path(path))
        return self._heads[path]
