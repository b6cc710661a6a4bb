"""A chat's answer as OpenAI's Responses API tells it: the response object, and the stream of events that builds it.

Feed it the chunks of a chat, streamed or whole; each call gives the events that follow from it. Written from the event
types of the `openai` package. Knows nothing of providers or of HTTP.
"""

import time
from typing import Any

from pilothouse.gateway.dialects.responses_output import (
    Item,
    MessageItem,
    ReasoningItem,
    ToolItem,
    annotations,
    envelope,
    usage_object,
)
from pilothouse.types import ChatChunk, Json, Usage

__all__ = ["Event", "ResponseEvents"]

Event = Json
"""The data of one event; its `type` is its name."""

_SPECIAL = (b'"tool_calls"', b'"thinking_blocks"', b'"refusal"')
"""What in a chunk is more than its text or its reasoning. Looking for it costs less than decoding each chunk."""
_ENDINGS = {"length": "max_output_tokens", "content_filter": "content_filter"}


class ResponseEvents:
    """One answer in the making. `body` is the request, `by` the provider that answers, `key` what all ids are made of.

    `response` is the object as it stands, complete after `end`. A whole answer is fed as its one chunk. `usage`,
    `finish_reason` and `tool_calls` are what the chat said last of them, in its own words.
    """

    def __init__(self, body: Json, by: str, key: str) -> None:
        self.response = envelope(body, f"resp_{key}", int(time.time()))
        self._key = key
        self._by = by
        self._custom = {tool.get("name") for tool in body.get("tools") or () if tool.get("type") == "custom"}
        self._items: list[Item] = []
        self._text: MessageItem | ReasoningItem | None = None  # the item that text or reasoning goes on in
        self._tools: dict[int, ToolItem] = {}
        self._events: list[Event] = []
        self._count = 0
        self.finish_reason: str | None = None
        self.usage: Usage | None = None
        self.tool_calls: list[Json] | None = None
        self._citations: list[Json] = []

    @property
    def started(self) -> bool:
        return self._count > 0

    def feed(self, chunk: ChatChunk) -> list[Event]:
        """The events that a chunk of the chat stands for; none for one that only counts or closes."""
        self.tool_calls = None
        self.usage = chunk.usage or self.usage
        self.finish_reason = chunk.finish_reason or self.finish_reason
        if not self.started:
            self.response["model"] = chunk.model or self.response["model"]
            self.emit("response.created", response=dict(self.response))
            self.emit("response.in_progress", response=dict(self.response))
        if chunk.finish_reason is None and not any(sign in chunk.raw for sign in _SPECIAL):
            self._say(chunk)
        else:
            self._read(chunk)
        return self._told()

    def end(self) -> list[Event]:
        """The last events. The answer is incomplete where the chat ended for its length or its content."""
        reason = _ENDINGS.get(self.finish_reason or "")
        status = "completed" if reason is None else "incomplete"
        if not self._items:
            self._message()
        self._close_text(status)
        for tool in self._tools.values():
            self._close(tool, status if tool is self._items[-1] else "completed")
        self.response |= {
            "status": status,
            "completed_at": int(time.time()) if reason is None else None,
            "incomplete_details": None if reason is None else {"reason": reason},
            "output": [item.done for item in self._items],
            "usage": None if self.usage is None else usage_object(self.usage),
        }
        self.emit(f"response.{status}", response=self.response)
        return self._told()

    def emit(self, name: str, **fields: Any) -> None:
        self._events.append({"type": name, **fields, "sequence_number": self._count})
        self._count += 1

    def _told(self) -> list[Event]:
        told, self._events = self._events, []
        return told

    def _say(self, chunk: ChatChunk) -> None:
        if chunk.reasoning:
            self._reasoning().say(chunk.reasoning, self.emit)
        if chunk.text:
            self._message().say(chunk.text, self.emit)

    def _read(self, chunk: ChatChunk) -> None:
        """A chunk with more than text in it; of a whole answer, all of it."""
        data = chunk.data
        self._citations = annotations(data.get("citations")) or self._citations
        for choice in data.get("choices") or ():
            part = choice.get("delta") or choice.get("message") or {}
            if chunk.reasoning:
                self._reasoning().say(chunk.reasoning, self.emit)
            for block in part.get("thinking_blocks") or ():
                self._reasoning().blocks.append({k: v for k, v in block.items() if k != "index"})
            if chunk.text:
                self._message().say(chunk.text, self.emit)
            if part.get("refusal"):
                self._message().say(part["refusal"], self.emit, "refusal")
            self.tool_calls = part.get("tool_calls")
            for position, delta in enumerate(self.tool_calls or ()):
                self._call(position, delta)
            break

    def _call(self, position: int, delta: Json) -> None:
        index, function = delta.get("index", position), delta.get("function") or {}
        tool = self._tools.get(index)
        identity = delta.get("id") or ""
        if tool is None or (identity and tool.call_id and identity != tool.call_id):
            if tool is not None:
                self._close(tool, "completed")
            self._close_text("completed")
            name = function.get("name") or ""
            tool = ToolItem(len(self._items), self._key, identity, name, custom=name in self._custom)
            tool.extra = {"by": self._by, **delta["extra_content"]} if delta.get("extra_content") else None
            self._tools[index] = tool
            self._open(tool)
        tool.say(function.get("arguments") or "", self.emit)

    def _message(self) -> MessageItem:
        if not isinstance(self._text, MessageItem):
            self._close_text("completed")
            self._text = MessageItem(len(self._items), self._key)
            self._open(self._text)
        return self._text

    def _reasoning(self) -> ReasoningItem:
        if not isinstance(self._text, ReasoningItem):
            self._close_text("completed")
            self._text = ReasoningItem(len(self._items), self._key, self._by)
            self._open(self._text)
        return self._text

    def _open(self, item: Item) -> None:
        self._items.append(item)
        self.emit("response.output_item.added", output_index=item.index, item=item.added)

    def _close_text(self, status: str) -> None:
        if isinstance(self._text, MessageItem):
            self._text.cite(self._citations)
        if self._text is not None:
            self._close(self._text, status)
            self._text = None

    def _close(self, item: Item, status: str) -> None:
        if not item.done:
            item.finish(status, self.emit)
            self.emit("response.output_item.done", output_index=item.index, item=item.done)
