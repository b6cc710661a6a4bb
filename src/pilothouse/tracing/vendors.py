"""What OpenAI's and Anthropic's clients ask and are answered, read into a span. Knows nothing of how calls are caught.

Objects of the clients are read by their fields alone, so that other versions of them do no harm.
"""

from typing import Any, ClassVar

from pilothouse.tracing.capture import capture
from pilothouse.tracing.spans import ActiveSpan

__all__ = ["Chat", "Embeddings", "Messages", "Reading", "Responses"]

_LONGEST_TEXT = 200_000
_FINISH = "gen_ai.response.finish_reasons"  # as observe/names.py has it, which is too heavy for a user's program
_LAST = ("response.completed", "response.incomplete")
_ASKED = (
    "temperature", "top_p", "max_tokens", "max_completion_tokens", "max_output_tokens", "stream", "seed", "n",
    "reasoning_effort", "tool_choice", "response_format", "service_tier",
)  # fmt: skip


class Reading:
    """One call: what was asked, then one answer as a whole or chunk by chunk."""

    operation: ClassVar[str] = "chat"
    kind: ClassVar[str] = "llm"
    inputs: ClassVar[tuple[str, ...]] = ("messages", "tools")

    def __init__(self, span: ActiveSpan) -> None:
        self._span = span
        self._model: Any = None
        self._usage: dict[str, Any] = {}
        self._texts: list[str] = []
        self._length = 0

    def asked(self, request: dict[str, Any]) -> None:
        """The arguments of the call."""
        self._span.update(
            model=request.get("model"), operation=self.operation,
            input={name: request[name] for name in self.inputs if name in request},
            metadata={name: request[name] for name in _ASKED if request.get(name) is not None},
        )  # fmt: skip

    def answered(self, answer: Any) -> None:
        """The whole answer."""
        self._span.update(
            response_model=getattr(answer, "model", None),
            usage=getattr(answer, "usage", None),
            output=self.output_of(answer),
        )
        self._finished(*self.finish_of(answer))

    def output_of(self, answer: Any) -> Any:
        """What of the answer is worth keeping."""
        raise TypeError(f"{type(self).__name__} reads no whole answers")

    def finish_of(self, answer: Any) -> tuple[Any, ...]:
        """Why it ended, in the vendor's words, once for each of its choices."""
        return ()

    def chunk(self, chunk: Any) -> None:
        """A part of a streamed answer."""

    def ended(self) -> None:
        """The stream has ended, or was left."""
        self._span.update(response_model=self._model, usage=self._usage or None, output=self.collected())

    def collected(self) -> Any:
        """The answer that the chunks make."""
        return "".join(self._texts) or None

    def _text(self, text: Any) -> None:
        if isinstance(text, str) and text:
            self._span.first_token()
            if self._length < _LONGEST_TEXT:
                self._texts.append(text)
                self._length += len(text)

    def _finished(self, *reasons: Any) -> None:
        told = [reason for reason in reasons if isinstance(reason, str)]
        if told:
            self._span.update(metadata={_FINISH: told})

    def _used(self, usage: Any) -> None:
        """Later figures replace earlier ones; Anthropic sends them in two parts."""
        if usage is not None:
            read = capture(usage, 5000)
            if isinstance(read, dict):
                self._usage |= {name: value for name, value in read.items() if value is not None}


class Chat(Reading):
    """`chat.completions.create`."""

    def __init__(self, span: ActiveSpan) -> None:
        super().__init__(span)
        self._calls: dict[int, dict[str, Any]] = {}

    def output_of(self, answer: Any) -> Any:
        messages = [choice.message for choice in answer.choices]
        return messages[0] if len(messages) == 1 else messages

    def finish_of(self, answer: Any) -> tuple[Any, ...]:
        return tuple(choice.finish_reason for choice in answer.choices)

    def chunk(self, chunk: Any) -> None:
        self._model = getattr(chunk, "model", None) or self._model
        self._used(getattr(chunk, "usage", None))
        for choice in chunk.choices:
            self._finished(choice.finish_reason)
            self._text(choice.delta.content)
            for call in choice.delta.tool_calls or ():
                self._span.first_token()
                made = self._calls.setdefault(call.index, {"id": None, "name": "", "arguments": ""})
                made["id"] = call.id or made["id"]
                if call.function is not None and len(made["arguments"]) < _LONGEST_TEXT:
                    made["name"] += call.function.name or ""
                    made["arguments"] += call.function.arguments or ""

    def collected(self) -> Any:
        text = "".join(self._texts) or None
        made: dict[str, Any] = {"role": "assistant", "content": text}
        if self._calls:
            made["tool_calls"] = [
                {"id": c["id"], "type": "function", "function": {"name": c["name"], "arguments": c["arguments"]}}
                for _, c in sorted(self._calls.items())
            ]
        return made if text or self._calls else None


class Responses(Reading):
    """`responses.create`."""

    inputs = ("instructions", "input", "tools")

    def __init__(self, span: ActiveSpan) -> None:
        super().__init__(span)
        self._whole: Any = None

    def output_of(self, answer: Any) -> Any:
        return answer.output

    def finish_of(self, answer: Any) -> tuple[Any, ...]:
        cut = getattr(answer, "incomplete_details", None)
        return (getattr(cut, "reason", None) or getattr(answer, "status", None),)

    def chunk(self, chunk: Any) -> None:
        if chunk.type.endswith(".delta"):
            self._text(getattr(chunk, "delta", None))
        elif (answer := getattr(chunk, "response", None)) is not None:
            self._model = getattr(answer, "model", None)
            self._used(getattr(answer, "usage", None))
            self._whole = getattr(answer, "output", None) or self._whole
            if chunk.type in _LAST:
                self._finished(*self.finish_of(answer))

    def collected(self) -> Any:
        return self._whole or super().collected()


class Embeddings(Reading):
    """`embeddings.create`; vectors are not kept."""

    operation = "embeddings"
    kind = "embedding"
    inputs = ("input",)

    def output_of(self, answer: Any) -> Any:
        return {"vectors": len(answer.data)}


class Messages(Reading):
    """`messages.create` of Anthropic."""

    inputs = ("system", "messages", "tools")

    def __init__(self, span: ActiveSpan) -> None:
        super().__init__(span)
        self._blocks: dict[int, dict[str, Any]] = {}

    def output_of(self, answer: Any) -> Any:
        return {"role": "assistant", "content": answer.content}

    def finish_of(self, answer: Any) -> tuple[Any, ...]:
        return (getattr(answer, "stop_reason", None),)

    def chunk(self, chunk: Any) -> None:
        kind = chunk.type
        if kind == "message_start":
            self._model = chunk.message.model
            self._used(chunk.message.usage)
        elif kind == "message_delta":
            self._used(chunk.usage)
            self._finished(getattr(chunk.delta, "stop_reason", None))
        elif kind == "content_block_start":
            block = capture(chunk.content_block)
            self._blocks[chunk.index] = block if isinstance(block, dict) else {}
        elif kind == "content_block_delta":
            block = self._blocks.setdefault(chunk.index, {})
            for field, name in (("text", "text"), ("partial_json", "input"), ("thinking", "thinking")):
                part = getattr(chunk.delta, field, None)
                if isinstance(part, str) and part:
                    self._span.first_token()
                    before = block.get(name)
                    before = before if isinstance(before, str) else ""
                    block[name] = before + part if len(before) < _LONGEST_TEXT else before

    def collected(self) -> Any:
        blocks = [block for _, block in sorted(self._blocks.items())]
        return {"role": "assistant", "content": blocks} if blocks else None
