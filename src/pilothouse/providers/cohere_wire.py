"""Cohere's chat format (v2), both ways: an OpenAI chat request into it, its answers and events into chunks.

`tool_plan`, what the model thinks before it calls tools, is both `reasoning_content` and a field of its own, so that
clients can send it back; other reasoning goes back as a thinking part. One tool chosen by name becomes the only tool
on offer; `parallel_tool_calls: false` keeps the first call of an answer. `user`, `metadata`, `cache_control` and hints
are dropped; `logprobs`, `n`, `audio` and files raise Unsupported. Top-level names that are not OpenAI's (`documents`,
`safety_mode`, `k`, `thinking`, ...) pass through untouched.

Sources: docs.cohere.com/reference/chat, .../chat-stream, .../v2/docs/streaming. Knows nothing of HTTP.
"""

from typing import Any

import msgspec

from pilothouse.errors import InvalidRequest, Unsupported
from pilothouse.providers.completion import Completion, tool_call
from pilothouse.providers.content import Media, Piece, calls_of, content_of, plain_text
from pilothouse.providers.parameters import (
    NO_PARAMETERS,
    Effort,
    Format,
    Function,
    Tools,
    effort_of,
    filled,
    format_of,
    native_fields,
    refuse,
    stops_of,
    tools_of,
    with_native,
)
from pilothouse.providers.translated import AnswerReader
from pilothouse.providers.usage import count, counted, part_of
from pilothouse.types import ChatChunk, ChatRequest, Json, Usage

__all__ = ["ChatReader", "billed", "to_chat", "usage_of"]

_VENDOR = "Cohere"
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool"}
_CHOICES = {"required": "REQUIRED", "none": "NONE"}
_FINISH = {"COMPLETE": "stop", "STOP_SEQUENCE": "stop", "MAX_TOKENS": "length", "TOOL_CALL": "tool_calls"}
_BUDGETS = {"low": 1024, "medium": 8192}
"""Thinking tokens; above medium the model may think as long as it likes, which is Cohere's default."""


def to_chat(request: ChatRequest) -> Json:
    """The body of POST /v2/chat."""
    body = request.body
    refuse(body, _VENDOR)
    tools = tools_of(body)
    if tools.native_choice is not None:
        raise InvalidRequest("'tool_choice' has an unknown shape.", param="tool_choice")
    offered = [function for function in tools.functions if tools.name in (None, function.name)]
    out = {
        "model": request.model,
        "messages": [
            said for i, message in enumerate(request.messages) if (said := _message(message, f"messages[{i}]"))
        ],
        "stream": request.stream,
        "max_tokens": request.max_tokens,
        "temperature": body.get("temperature"),
        "p": body.get("top_p"),
        "k": body.get("top_k"),
        "seed": body.get("seed"),
        "frequency_penalty": body.get("frequency_penalty"),
        "presence_penalty": body.get("presence_penalty"),
        "stop_sequences": stops_of(body),
        "tools": [*map(_tool, offered), *tools.native],
        "tool_choice": _tool_choice(tools),
        "strict_tools": True if any(function.strict for function in offered) else None,
        "response_format": _response_format(format_of(body)),
        "thinking": _thinking(effort_of(body)),
    }
    own = {name: value for name, value in native_fields(body).items() if name != "top_k"}
    return with_native(out, own, frozenset())


def _message(message: Json, where: str) -> Json | None:
    """The message in Cohere's shape; None where it says nothing, which Cohere refuses."""
    if message["role"] not in _ROLES:
        raise Unsupported(f"{_VENDOR} has no role '{message['role']}' (at {where}.role).", param=f"{where}.role")
    role = _ROLES[message["role"]]
    if role == "tool":
        text = plain_text(message, where, _VENDOR)
        if message.get("is_error") and "error" not in text[:32].lower():
            text = f"Error: {text}"  # Cohere has no field for it
        return {"role": role, "tool_call_id": message.get("tool_call_id") or "", "content": text}
    parts = [_part(piece) for piece in content_of(message, where)]
    if role != "assistant":
        return {"role": role, "content": parts} if parts else None
    reasoning = message.get("reasoning_content")
    if reasoning and not message.get("tool_plan"):
        parts.insert(0, {"type": "thinking", "thinking": reasoning})
    calls = [
        tool_call(call.id, call.name, msgspec.json.encode(call.arguments).decode()) for call in calls_of(message, where)
    ]
    said = filled({"content": parts, "tool_plan": message.get("tool_plan"), "tool_calls": calls})
    return {"role": role, **said} if said else None


def _part(piece: Piece) -> Json:
    value = piece.value
    if isinstance(value, str):
        return {"type": "text", "text": value}
    if not isinstance(value, Media):
        return value
    if value.kind != "image" or value.file_id:
        raise value.unsupported(_VENDOR, "send its text, or 'documents'")
    url = value.url or f"data:{value.media_type};base64,{value.data}"
    return {"type": "image_url", "image_url": filled({"url": url, "detail": value.detail})}


def _tool(function: Function) -> Json:
    described = filled({"description": function.description})
    spec = {"name": function.name, "parameters": function.parameters or NO_PARAMETERS, **described}
    return {"type": "function", "function": spec}


def _tool_choice(tools: Tools) -> str | None:
    return _CHOICES.get(tools.choice or "") if tools.functions or tools.native else None


def _response_format(wanted: Format | None) -> Json | None:
    return filled({"type": "json_object", "json_schema": wanted.schema}) if wanted else None


def _thinking(effort: Effort | None) -> Json | None:
    if effort is None:
        return None
    if effort in ("none", "minimal"):
        return {"type": "disabled"}
    return filled({"type": "enabled", "token_budget": _BUDGETS.get(effort)})


def billed(meta: Any) -> Usage | None:
    """What the `meta` of embeddings or a rerank says is billed: tokens, or search units."""
    told = part_of(meta, "billed_units")
    units, tokens = count(told.get("search_units")), count(told.get("input_tokens"))
    if units is None and tokens is None:
        return None
    return Usage(tokens or 0, units=1 if units is None else units)


def usage_of(usage: Any) -> Usage | None:
    """What Cohere bills for a chat, which leaves out the tokens of its own preamble; counts are floats in its JSON."""
    told = part_of(usage, "billed_units") or part_of(usage, "tokens")
    given = count(told.get("input_tokens"))
    if given is None:
        return None
    cached = count(usage.get("cached_tokens")) or 0
    return counted(given, told.get("output_tokens"), min(cached, given))


class ChatReader(AnswerReader):
    """Reads a v2 chat answer, or the events of one."""

    def __init__(self, completion: Completion) -> None:
        super().__init__(completion)
        self._end: Json = {}

    def whole(self, body: Json) -> ChatChunk:
        self.completion.id = body["id"]
        message: Json = body["message"]
        parts: list[Json] = message.get("content") or []
        plan = message.get("tool_plan") or ""
        calls = [(call["id"], call["function"]) for call in message.get("tool_calls") or ()]
        return self.completion.whole(
            _FINISH.get(body["finish_reason"], "stop"),
            body["finish_reason"],
            usage_of(body.get("usage")),
            text="".join(part["text"] for part in parts if part["type"] == "text"),
            reasoning="".join(part["thinking"] for part in parts if part["type"] == "thinking") + plan,
            calls=[tool_call(id, function["name"], function.get("arguments") or "{}") for id, function in calls],
            tool_plan=plan,
            citations=message.get("citations"),
        )

    def feed(self, event: Json) -> list[ChatChunk]:
        said: Json = (event.get("delta") or {}).get("message") or {}
        match event["type"]:
            case "message-start":
                self.completion.id = event.get("id") or self.completion.id
            case "content-start" | "content-delta":
                content = said["content"]
                thought = self.completion.reasoning(content.get("thinking") or "")
                return thought + self.completion.text(content.get("text") or "")
            case "tool-plan-delta":
                return self.completion.reasoning(said["tool_plan"], tool_plan=said["tool_plan"])
            case "tool-call-start":
                call = said["tool_calls"]
                return self.completion.call(call["id"], call["function"]["name"], call["function"].get("arguments", ""))
            case "tool-call-delta":
                return self.completion.arguments(said["tool_calls"]["function"]["arguments"])
            case "citation-start":
                return self.completion.block("citations", said["citations"])
            case "message-end":
                self._end = event["delta"]
                self.done = True
        return []  # content-end, tool-call-end, citation-end, and events that a later version adds

    def end(self) -> list[ChatChunk] | None:
        if not self.done:
            return None
        reason = self._end["finish_reason"]
        return self.completion.finish(_FINISH.get(reason, "stop"), reason, usage_of(self._end.get("usage")))
