"""Anthropic's Messages format, both ways: an OpenAI chat request into it, its answers and events into chunks.

Fields without a counterpart: `user` becomes `metadata.user_id`; `seed`, `store`, `prediction` and other hints are
dropped; penalties, `logprobs`, `n` and `audio` raise Unsupported. Top-level names that are not OpenAI's (`thinking`,
`top_k`, `cache_control`, `system`, ...) pass through untouched and win over what is derived here; so do content parts
and tools in Anthropic's own shape. `cache_control` is kept on parts, messages and tools. System and developer messages
are gathered, in order, into `system`.

Sources: platform.claude.com/docs/en/api/messages, .../build-with-claude/streaming, .../thinking, .../effort,
.../structured-outputs. Knows nothing of HTTP.
"""

import re
from typing import Any

import msgspec

from pilothouse.errors import Unsupported
from pilothouse.providers.claude import JSON_INSTRUCTION, reasoning
from pilothouse.providers.completion import Completion, tool_call
from pilothouse.providers.content import Media, Piece, add_turn, calls_of, content_of, object_in, objects_in
from pilothouse.providers.parameters import (
    NO_PARAMETERS,
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
from pilothouse.providers.schema import closed
from pilothouse.providers.translated import AnswerReader
from pilothouse.providers.usage import count, counted, part_of, with_input
from pilothouse.types import ChatChunk, ChatRequest, Json, Usage

__all__ = ["STOPS", "MessagesReader", "read_usage", "safe_id", "to_messages"]

_VENDOR = "Anthropic"
_TURNS = {"user": "user", "tool": "user", "assistant": "assistant"}
_CHOICES = {"auto": "auto", "required": "any", "none": "none"}
_THINKING = ("thinking", "redacted_thinking")
_BAD_ID = re.compile(r"[^a-zA-Z0-9_-]")

STOPS = {
    "end_turn": "stop", "stop_sequence": "stop", "tool_use": "tool_calls", "max_tokens": "length",
    "model_context_window_exceeded": "length", "pause_turn": "length", "refusal": "content_filter",
}  # fmt: skip
"""`pause_turn` (a long server-side turn, cut to be continued) is `length`: the answer is not at its end."""


def to_messages(request: ChatRequest, default_max_tokens: int) -> Json:
    """The body of POST /v1/messages. Anthropic needs a `max_tokens`: the default where the caller gave none."""
    body = request.body
    refuse(body, _VENDOR, "frequency_penalty", "presence_penalty")
    tools, wanted = tools_of(body), format_of(body)
    system, messages = _turns(request.messages)
    if wanted is not None and wanted.schema is None:
        system.append({"type": "text", "text": JSON_INSTRUCTION})
    out: Json = {
        "model": request.model,
        "max_tokens": request.max_tokens or default_max_tokens,
        "messages": messages,
        "stream": True if request.stream else None,
        "system": system,
        "stop_sequences": stops_of(body),
        "temperature": body.get("temperature"),
        "top_p": body.get("top_p"),
        "tools": [*(_tool(function) for function in tools.functions), *tools.native],
        "tool_choice": _tool_choice(tools),
        "metadata": _metadata(body),
        "service_tier": _service_tier(body.get("service_tier")),
    }
    thinking, effort = reasoning(request.model, effort_of(body), out["max_tokens"])
    out |= {"thinking": thinking, "output_config": _output_config(effort, wanted)}
    return with_native(out, native_fields(body), frozenset({"output_config"}))


def _turns(messages: list[Json]) -> tuple[list[Json], list[Json]]:
    """(system blocks, messages). Neighbours of one role become one message: tool results must share one."""
    system: list[Json] = []
    turns: list[Json] = []
    for i, message in enumerate(messages):
        where, role = f"messages[{i}]", message["role"]
        if role in ("system", "developer"):
            system += _blocks(message, where)
            continue
        if role not in _TURNS:
            raise Unsupported(f"{_VENDOR} has no role '{role}' (at {where}.role).", param=f"{where}.role")
        blocks = _tool_result(message, where) if role == "tool" else _blocks(message, where)
        if role == "assistant":
            blocks = [*_thought(message), *blocks, *_uses(message, where)]
        add_turn(turns, _TURNS[role], blocks)
    return system, turns


def _thought(message: Json) -> list[Json]:
    """The thinking blocks of an earlier answer, exactly as they came; not those that another model left unsigned."""
    return [
        {name: value for name, value in block.items() if name != "index"}
        for block in objects_in(message, "thinking_blocks")
        if block.get("type") == "redacted_thinking" or (block.get("type") == "thinking" and block.get("signature"))
    ]


def _uses(message: Json, where: str) -> list[Json]:
    return [
        {"type": "tool_use", "id": safe_id(call.id), "name": call.name, "input": call.arguments, **_marks(call.body)}
        for call in calls_of(message, where)
    ]


def _tool_result(message: Json, where: str) -> list[Json]:
    result: Json = {"type": "tool_result", "tool_use_id": safe_id(str(message.get("tool_call_id") or ""))}
    if content := [_block(piece) for piece in content_of(message, where) if not piece.blank]:
        result["content"] = content
    if message.get("is_error"):
        result["is_error"] = True
    return [result | _marks(message)]


def _blocks(message: Json, where: str) -> list[Json]:
    blocks = [_block(piece) for piece in content_of(message, where) if not piece.blank]
    if blocks and "cache_control" in message:
        blocks[-1] = blocks[-1] | _marks(message)
    return blocks


def _block(piece: Piece) -> Json:
    if isinstance(piece.value, str):
        block: Json = {"type": "text", "text": piece.value}
        if "citations" in piece.part and piece.part.get("type") == "text":
            block["citations"] = piece.part["citations"]
    elif isinstance(piece.value, Media):
        block = _media(piece.value)
    else:
        return piece.value
    return block | (_marks(piece.part) if "type" in piece.part else {})


def _media(media: Media) -> Json:
    if media.kind == "audio":
        raise media.unsupported(_VENDOR, "send its transcript as text")
    block: Json = {"type": "image" if media.media_type.startswith("image/") else "document"}
    if media.kind == "image":
        block["type"] = "image"
    if media.file_id:
        block["source"] = {"type": "file", "file_id": media.file_id}
    elif media.url:
        block["source"] = {"type": "url", "url": media.url}
    elif media.media_type.startswith("text/"):
        block["source"] = {"type": "text", "media_type": "text/plain", "data": media.text()}
    elif block["type"] == "image" or media.media_type == "application/pdf":
        block["source"] = {"type": "base64", "media_type": media.media_type, "data": media.data}
    else:
        raise media.unsupported(_VENDOR, "send a PDF, a text or an image")
    if media.name and block["type"] == "document":
        block["title"] = media.name
    return block


def _tool(function: Function) -> Json:
    described = filled({"description": function.description, "strict": function.strict})
    schema = function.parameters or NO_PARAMETERS
    marks = _marks(function.body["function"]) | _marks(function.body)
    return {"name": function.name, "input_schema": schema, **described, **marks}


def _tool_choice(tools: Tools) -> Json | None:
    if tools.native_choice is not None:
        return tools.native_choice
    if not (tools.functions or tools.native) or (tools.choice is None and tools.parallel):
        return None
    choice: Json = {"type": _CHOICES[tools.choice or "auto"]}
    if tools.name is not None:
        choice = {"type": "tool", "name": tools.name}
    if not tools.parallel and tools.choice != "none":
        choice["disable_parallel_tool_use"] = True
    return choice


def _output_config(effort: str | None, wanted: Format | None) -> Json:
    config: Json = {"effort": effort} if effort else {}
    if wanted is not None and wanted.schema is not None:
        config["format"] = {"type": "json_schema", "schema": closed(wanted.schema)}
    return config


def _metadata(body: Json) -> Json | None:
    """Anthropic knows one key, `user_id`; OpenAI's other metadata is for its own dashboard."""
    user = object_in(body, "metadata").get("user_id") or body.get("safety_identifier") or body.get("user")
    return {"user_id": user} if user else None


def _service_tier(tier: Any) -> str | None:
    """OpenAI's default is Anthropic's standard_only; flex and priority are not sold by the request."""
    return {"auto": "auto", "default": "standard_only", "standard_only": "standard_only"}.get(str(tier))


def _marks(body: Json) -> Json:
    return {"cache_control": body["cache_control"]} if body.get("cache_control") else {}


def safe_id(call_id: str) -> str:
    """A call id in the letters that Anthropic allows; ids made by other providers may hold more."""
    return _BAD_ID.sub("_", call_id)


def read_usage(usage: Any) -> Usage | None:
    """Anthropic reports cached and cache-writing input apart from `input_tokens`; ours includes them."""
    if not isinstance(usage, dict):
        return None
    read, made = usage.get("input_tokens"), usage.get("output_tokens")
    cached, written = count(usage.get("cache_read_input_tokens")), count(usage.get("cache_creation_input_tokens"))
    thinking = part_of(usage, "output_tokens_details").get("thinking_tokens")
    told = counted(read, made, cached, written, thinking)
    return told and with_input(told, (cached or 0) + (written or 0))


class MessagesReader(AnswerReader):
    """Reads a Message, or the events of one. The usage of a stream is cumulative: the latest value of each counts."""

    def __init__(self, completion: Completion) -> None:
        super().__init__(completion)
        self._usage: Json = {}
        self._stop: Json = {}
        self._block: Json = {}

    def whole(self, body: Json) -> ChatChunk:
        self._name(body)
        blocks: list[Json] = body["content"]
        thinking = [block for block in blocks if block["type"] in _THINKING]
        texts = [block for block in blocks if block["type"] == "text"]
        return self.completion.whole(
            STOPS.get(body["stop_reason"], "stop"),
            body["stop_reason"],
            read_usage(body.get("usage")),
            text="".join(block["text"] for block in texts),
            reasoning="".join(block.get("thinking", "") for block in thinking),
            calls=[
                tool_call(block["id"], block["name"], msgspec.json.encode(block["input"]).decode())
                for block in blocks
                if block["type"] == "tool_use"
            ],
            thinking_blocks=thinking,
            citations=[citation for block in texts for citation in block.get("citations") or ()],
            refusal=_refusal(body),
        )

    def feed(self, event: Json) -> list[ChatChunk]:
        match event["type"]:
            case "message_start":
                self._name(event["message"])
                self._count(event["message"].get("usage"))
            case "content_block_start":
                return self._start(event["content_block"])
            case "content_block_delta":
                return self._delta(event["delta"])
            case "content_block_stop":
                block, self._block = self._block, {}
                if block.get("type") in _THINKING:
                    return self.completion.block("thinking_blocks", block)
            case "message_delta":
                self._stop = self._stop | event["delta"]
                self._count(event.get("usage"))
            case "message_stop":
                self.done = True
        return []  # ping, and event types that a later version adds

    def end(self) -> list[ChatChunk] | None:
        if not self.done:
            return None
        reason = self._stop.get("stop_reason") or "end_turn"
        refusal = _refusal(self._stop)
        last: Json = {"refusal": refusal} if refusal else {}
        return self.completion.finish(STOPS.get(reason, "stop"), reason, read_usage(self._usage), **last)

    def _start(self, block: Json) -> list[ChatChunk]:
        self._block = dict(block)
        match block["type"]:
            case "text":
                return self.completion.text(block["text"])
            case "thinking":
                return self.completion.reasoning(block["thinking"])
            case "tool_use":
                given = msgspec.json.encode(block["input"]).decode() if block.get("input") else ""
                return self.completion.call(block["id"], block["name"], given)
        return []

    def _delta(self, delta: Json) -> list[ChatChunk]:
        match delta["type"]:
            case "text_delta":
                return self.completion.text(delta["text"])
            case "thinking_delta":
                self._block["thinking"] += delta["thinking"]
                return self.completion.reasoning(delta["thinking"])
            case "signature_delta":
                self._block["signature"] = delta["signature"]
            case "citations_delta":
                return self.completion.block("citations", delta["citation"])
            case "input_json_delta" if self._block["type"] == "tool_use":
                return self.completion.arguments(delta["partial_json"])
        return []

    def _name(self, message: Json) -> None:
        self.completion.id = message["id"]
        self.completion.model = message["model"]

    def _count(self, usage: Any) -> None:
        if isinstance(usage, dict):
            self._usage |= {name: value for name, value in usage.items() if value is not None}


def _refusal(stop: Json) -> str | None:
    """The words of a refusal, where Anthropic gives any."""
    if stop.get("stop_reason") != "refusal":
        return None
    return (stop.get("stop_details") or {}).get("explanation")
