"""OpenAI's Responses format, for the provider that serves it natively: what is sent, and what is read of the answer.

Bodies and events pass through; only what the gateway counts by is read. Written from
https://platform.openai.com/docs/api-reference/responses and the types of the `openai` package. Knows nothing of HTTP.
"""

from typing import Any

import msgspec

from pilothouse.providers.usage import openai_usage
from pilothouse.types import ChatChunk, Json

__all__ = ["HELD", "LAST", "ResponsesEvent", "native_body", "read_event", "read_response"]

HELD = (b"response.created", b"response.in_progress", b"response.queued")
"""Events that say nothing yet: held back until another comes, so that a failure right after them can be retried."""
LAST = (b"response.completed", b"response.incomplete", b"response.failed", b"error")
_OURS = "pilothouse."  # how encrypted_content begins that this gateway made for another provider
_FINISH = {"max_output_tokens": "length", "content_filter": "content_filter"}


class _Text(msgspec.Struct):
    text: str | None = None


class _Item(msgspec.Struct):
    type: str = ""
    content: list[_Text] | None = None
    summary: list[_Text] | None = None
    call_id: str = ""
    name: str = ""
    arguments: str | None = None
    input: str | None = None

    @property
    def call(self) -> Json | None:
        """A function's or a custom tool's call, as a chat says it."""
        if self.type not in ("function_call", "custom_tool_call"):
            return None
        function = {"name": self.name, "arguments": self.arguments or self.input or ""}
        return {"id": self.call_id, "type": "function", "function": function}


class _Incomplete(msgspec.Struct):
    reason: str | None = None


class _Response(msgspec.Struct):
    model: str | None = None
    status: str | None = None
    output: list[_Item] = []
    usage: Any = None
    incomplete_details: _Incomplete | None = None
    error: Any = None

    @property
    def finish_reason(self) -> str | None:
        if self.status == "incomplete":
            reason = self.incomplete_details.reason if self.incomplete_details else None
            return _FINISH.get(reason or "", "length")
        if self.status != "completed":
            return None
        return "tool_calls" if any(item.call for item in self.output) else "stop"


class ResponsesEvent(msgspec.Struct):
    """What is read of an event; `failure` is the JSON of the error that it tells of."""

    type: str
    delta: str | None = None
    output_index: int = 0
    item: _Item | None = None
    response: _Response | None = None
    error: Any = None

    @property
    def failure(self) -> bytes | None:
        if self.type == "response.failed":
            return msgspec.json.encode({"error": self.response.error if self.response else None})
        return b"" if self.type == "error" else None


_read_event = msgspec.json.Decoder(ResponsesEvent).decode
_read_response = msgspec.json.Decoder(_Response).decode


def read_event(raw: bytes) -> tuple[ResponsesEvent, ChatChunk]:
    """An event, and the chunk that it is. Raises what decoding raises for bytes outside the format."""
    event = _read_event(raw)
    chunk = ChatChunk(raw, event=event.type.encode())
    match event.type:
        case "response.output_text.delta" | "response.refusal.delta":
            chunk.text = event.delta or ""
        case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
            chunk.reasoning = event.delta or ""
        case "response.output_item.added" if event.item is not None and event.item.call:
            chunk.tool_calls = [{"index": event.output_index, **event.item.call}]
        case "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta":
            chunk.tool_calls = [{"index": event.output_index, "function": {"arguments": event.delta or ""}}]
    if event.response is not None:
        _tell(chunk, event.response)
    return event, chunk


def read_response(raw: bytes) -> tuple[str | None, ChatChunk]:
    """A whole response: its status, and the one chunk that it is."""
    response = _read_response(raw)
    chunk = ChatChunk(raw)
    for item in response.output:
        chunk.text += "".join(part.text or "" for part in item.content or ()) if item.type == "message" else ""
        chunk.reasoning += "".join(part.text or "" for part in item.summary or ())
    chunk.tool_calls = [item.call for item in response.output if item.call] or None
    _tell(chunk, response)
    return response.status, chunk


def native_body(body: Json) -> Json:
    """The body to send: as it came, but for what only makes sense to whom it was made for."""
    given = body.get("input")
    if not isinstance(given, list) or not any("encrypted_content" in i or "extra_content" in i for i in given):
        return body
    return {**body, "input": [_native(item) for item in given if not _foreign(item)]}


def _tell(chunk: ChatChunk, response: _Response) -> None:
    chunk.model = response.model
    chunk.usage = openai_usage(response.usage, "input", "output")
    chunk.finish_reason = response.finish_reason


def _foreign(item: Json) -> bool:
    return str(item.get("encrypted_content") or "").startswith(_OURS)


def _native(item: Json) -> Json:
    return {name: value for name, value in item.items() if name != "extra_content"}
