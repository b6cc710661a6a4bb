"""Notes what an answer produced while it flows: text, tool calls, first token, usage, the model that names itself.

Also when it is cut short.
"""

from typing import Any

from pilothouse.call import Span
from pilothouse.ids import now_us
from pilothouse.observe.names import RESPONSE_FINISH_REASONS
from pilothouse.providers.failures import UNREADABLE
from pilothouse.providers.usage import believable
from pilothouse.types import ChatChunk, ChatRequest, Json, ModelRequest, Usage, text_of

__all__ = ["CHARS_PER_TOKEN", "USUAL_ANSWER", "Meter", "estimate_tokens"]

CHARS_PER_TOKEN = 4  # OpenAI's own rule of thumb for English text
USUAL_ANSWER = 256
"""Tokens that an answer counts for in advance where nobody set a limit; the real ones count in the end."""
_FIRST = 400  # characters, and deltas, of an answer that tell whether it refuses
_LONGEST_NAME = 256  # of a model, kept of what an upstream may make up


def estimate_tokens(characters: int) -> int:
    """Tokens of a text of this many characters, for want of the provider's own count."""
    return -(-characters // CHARS_PER_TOKEN)


class Meter:
    """Feed it every chunk of one answer; `settle` then writes what came to the span. `request` may be another one until
    the first chunk."""

    __slots__ = (
        "_finish",
        "_last",
        "_named",
        "_reasoning",
        "_span",
        "_text",
        "_tools",
        "deltas",
        "request",
        "started",
        "usage",
    )

    def __init__(self, span: Span, request: ModelRequest) -> None:
        self._span = span
        self.request = request
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._tools: dict[int, Json] = {}
        self._finish: str | None = None
        self._last = b""
        self.deltas = 0
        self._named = False
        self.usage: Usage | None = None
        self.started = False

    def feed(self, chunk: ChatChunk) -> None:
        if not self.started:
            self.started = True
            self._span.ttft_us = now_us() - self._span.start_us
        if not self._named and chunk.model:
            self._named = True
            self._span.response_model = chunk.model[:_LONGEST_NAME]
        if chunk.usage is not None:
            self.usage = believable(chunk.usage) or self.usage
        if chunk.finish_reason is not None:
            self._finish = chunk.finish_reason
        if not self.request.stream:
            self._add_whole(chunk)
        elif chunk.text or chunk.reasoning:
            self.deltas += 1
            self._text.append(chunk.text)
            if chunk.reasoning:
                self._reasoning.append(chunk.reasoning)
        elif chunk.tool_calls:
            self.deltas += 1
            self._add_tool_calls(chunk.tool_calls)
        elif chunk.event is None and not chunk.usage_only and b'"tool_calls"' in chunk.raw:
            self.deltas += 1
            for choice in _read(chunk).get("choices") or ():
                self._add_tool_calls((choice.get("delta") or {}).get("tool_calls") or ())

    def _add_whole(self, chunk: ChatChunk) -> None:
        """A JSON answer: kept as it is in the chat dialect, in any other as a chat would say it."""
        self._text.append(chunk.text)
        if self.request.operation in ("chat", "text_completion", "rerank", "moderations"):
            self._last = chunk.raw
        else:
            self._reasoning += [chunk.reasoning] if chunk.reasoning else []
            self._add_tool_calls(chunk.tool_calls or ())

    def settle(self, capture: bool) -> None:
        """Usage on the span: the provider's, or an estimate marked as such once anything was produced."""
        span = self._span
        if self.usage is not None:
            span.usage = self.usage
        elif self.started or span.status == "ok":
            span.usage = self.so_far()
        if self._finish is not None:
            span.attributes[RESPONSE_FINISH_REASONS] = [self._finish]
        if capture and self.started and self.request.operation != "embeddings":  # vectors tell nobody anything
            span.output = self.output()

    @property
    def beginning(self) -> str:
        """The first words of the answer."""
        return "".join(self._text[:_FIRST])[:_FIRST]

    @property
    def refuses(self) -> bool:
        """Whether a JSON answer says so in the field that OpenAI has for it."""
        if b'"refusal"' not in self._last or any(self._text):
            return False
        choice = next(iter(_read(ChatChunk(self._last)).get("choices") or ()), None) or {}
        return bool((choice.get("message") or {}).get("refusal"))

    def so_far(self) -> Usage:
        """An estimate of what was used until now."""
        return Usage(self.input_tokens(), self._output_tokens(), estimated=True)

    def input_tokens(self) -> int:
        """An estimate: about four characters a token, and a few for each message."""
        request = self.request
        if not isinstance(request, ChatRequest):
            return sum(estimate_tokens(len(text)) for text in request.input_texts())
        if request.operation == "text_completion":
            return estimate_tokens(len(str(request.body["prompt"])))
        return sum(estimate_tokens(len(text_of(m.get("content")))) + 4 for m in request.messages)

    def _output_tokens(self) -> int:
        """A stream's content delta holds a token or more, so their number is a lower bound of its own."""
        tools = sum(len(call["function"]["arguments"]) for call in self._tools.values())
        characters = sum(map(len, self._text)) + sum(map(len, self._reasoning)) + tools
        return max(self.deltas, estimate_tokens(characters))

    def output(self) -> Json:
        """What was answered, as a chat says it."""
        data = _read(ChatChunk(self._last)) if self._last else {}
        if data:
            if "choices" not in data:
                return {"results": data.get("results")}
            return {"choices": data.get("choices"), **({"citations": data["citations"]} if "citations" in data else {})}
        message: Json = {"role": "assistant", "content": "".join(self._text)}
        if self._reasoning:
            message["reasoning_content"] = "".join(self._reasoning)
        if self._tools:
            message["tool_calls"] = [self._tools[i] for i in sorted(self._tools)]
        return {"choices": [{"index": 0, "message": message, "finish_reason": self._finish}]}

    def _add_tool_calls(self, deltas: Any) -> None:
        """What an upstream sends in another shape goes to the caller as it is, and counts for nothing here."""
        for position, delta in enumerate(deltas if isinstance(deltas, list) else ()):
            if not isinstance(delta, dict):
                continue
            index, function = delta.get("index"), delta.get("function")
            empty = {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
            call = self._tools.setdefault(index if isinstance(index, int) else position, empty)
            call["id"] += _text(delta.get("id"))
            if isinstance(function, dict):
                call["function"]["name"] += _text(function.get("name"))
                call["function"]["arguments"] += _text(function.get("arguments"))


def _read(chunk: ChatChunk) -> Json:
    """The JSON of a chunk; nothing where parts of it that nobody else looks into are none."""
    try:
        return chunk.data
    except UNREADABLE:
        return {}


def _text(given: object) -> str:
    return given if isinstance(given, str) else ""
