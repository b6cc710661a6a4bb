"""What routing may ask about a request: its size, tools, images and language, and whether a Condition holds.

Everything is found out at the first question and kept for the call. Knows nothing of models and deployments.
"""

from functools import cached_property
from typing import Any

from pilothouse.call import Call
from pilothouse.config import Condition
from pilothouse.gateway.meter import estimate_tokens
from pilothouse.gateway.routing.plan import Request
from pilothouse.stats.language import language_of
from pilothouse.types import ChatRequest, SingleRequest, text_of

__all__ = ["Facts"]

_PER_MESSAGE = 4  # tokens around each message
_IMAGES = ("image_url", "input_image", "image")  # no set: a caller may write a type that cannot be in one


class Facts:
    """A request as routing sees it. `tokens` is the estimated input, where somebody has counted already."""

    def __init__(self, request: Request, call: Call, tokens: int | None = None) -> None:
        self.request = request
        self.call = call
        self._tokens = tokens

    @property
    def tokens(self) -> int:
        """The estimated input tokens."""
        if self._tokens is None:  # a cached_property takes a lock, 2 us, on every call
            self._tokens = self._estimated()
        return self._tokens

    def _estimated(self) -> int:
        messages = self._messages
        if messages:
            return sum(estimate_tokens(len(text_of(m.get("content")))) + _PER_MESSAGE for m in messages)
        return sum(estimate_tokens(len(text)) for text in _texts(self.request))

    @cached_property
    def tools(self) -> bool:
        request = self.request
        return isinstance(request, ChatRequest) and bool(request.tools)

    @cached_property
    def images(self) -> bool:
        contents = (message.get("content") for message in self._messages)
        return any(
            isinstance(part, dict) and part.get("type") in _IMAGES
            for content in contents
            if isinstance(content, list)
            for part in content
        )

    @cached_property
    def language(self) -> str | None:
        """The language of the last user message, of other requests that of their first text."""
        request = self.request
        if isinstance(request, ChatRequest):
            return language_of(request.last_user_text())
        return language_of(next(iter(_texts(request)), ""))

    @property
    def output_tokens(self) -> int | None:
        """The most that the caller lets the answer have. A number that is not positive sets no limit."""
        request = self.request
        if not isinstance(request, ChatRequest):
            return 0
        limit = request.max_tokens
        return limit if limit is None or limit > 0 else None

    @property
    def choices(self) -> int:
        """How many answers the caller asks for at once, each of which may be as long."""
        request = self.request
        asked = request.as_chat.body.get("n") if isinstance(request, ChatRequest) else None
        return asked if isinstance(asked, int) and asked > 1 else 1

    def meet(self, condition: Condition) -> bool:
        """Whether every field that the condition gives holds."""
        call = self.call
        if condition.keys and call.key_id not in condition.keys and call.principal.name not in condition.keys:
            return False
        if condition.teams and call.principal.team_id not in condition.teams:
            return False
        if any(call.metadata.get(name) != value for name, value in condition.metadata.items()):
            return False
        if condition.tokens_over is not None and self.tokens <= condition.tokens_over:
            return False
        if condition.tokens_under is not None and self.tokens >= condition.tokens_under:
            return False
        if condition.tools is not None and self.tools is not condition.tools:
            return False
        if condition.images is not None and self.images is not condition.images:
            return False
        return not condition.language or self.language in condition.language

    @property
    def _messages(self) -> list[dict[str, Any]]:
        request = self.request
        return request.messages if isinstance(request, ChatRequest) else []


def _texts(request: Request) -> list[str]:
    """The texts of a request that is no chat: inputs, a query and documents."""
    return request.input_texts() if isinstance(request, SingleRequest) else []
