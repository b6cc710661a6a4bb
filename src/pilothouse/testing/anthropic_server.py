"""Anthropic's Messages wire format (messages, count_tokens, models), as a stand-in that speaks it; not the vendor.

Written from https://platform.claude.com/docs/en/api (version 2023-06-01): event order of a stream, header checks, and
the rules of a request that Anthropic enforces. Refuses what the format does not allow.
"""

import re
from typing import Any

import msgspec

from pilothouse.testing.batches import AnthropicBatchBook
from pilothouse.testing.server import Plain, WireServer
from pilothouse.testing.wire import Answer, Fault, Heard, Received, Refusal, ToolCall, Turn, pieces
from pilothouse.types import Json, Usage

__all__ = ["SIGNATURE", "AnthropicServer"]

SIGNATURE = "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds"
"""What signs every thinking block; the server refuses a block that comes back with another."""

_OPERATIONS = {("POST", "/v1/messages"): "chat", ("POST", "/v1/messages/count_tokens"): "count_tokens"}
_STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
_FAILURES: dict[str, tuple[int, str]] = {
    "rate_limit": (429, "rate_limit_error"),
    "auth": (401, "authentication_error"),
    "forbidden": (403, "permission_error"),
    "unknown_model": (404, "not_found_error"),
    "server_error": (500, "api_error"),
    "overloaded": (529, "overloaded_error"),
}
_WORDS = {
    "context_length": "prompt is too long: 208310 tokens > 200000 maximum",
    "content_filter": "Output blocked by content filtering policy",
}
_VERSIONS = ("2023-06-01", "2026-10-21")
_TOOL_ID = re.compile(r"[a-zA-Z0-9_-]+")
_WITHOUT_SYSTEM = re.compile(r"claude-([23]|(opus|sonnet|haiku)-4(-[0-7])?(-\d{8})?$|sonnet-5$)")
"""Models before Opus 4.8 take no system messages within a conversation, nor does Sonnet 5."""
_UNEXPECTED_SYSTEM = (
    'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter, not "system" as an '
    "input message role."
)


class AnthropicServer(WireServer):
    """Speaks as api.anthropic.com. Any API key will do, none will not. Words for `finish_reason` that are not
    OpenAI's, such as `pause_turn`, are said as they are."""

    def __init__(self, default: Answer | None = None) -> None:
        super().__init__(default)
        self.batches = AnthropicBatchBook(self)

    def beside(self, got: Received) -> Plain | None:
        return self.batches.answer(got)

    def hear(self, got: Received) -> Heard:
        self._check_headers(got)
        if got.path == "/v1/models":
            return Heard("models", "")
        operation = _OPERATIONS.get((got.method, got.path))
        if operation is None:
            raise Refusal("Not found", "unknown_model")
        body = got.body
        for name in ("model", "messages", *(("max_tokens",) if operation == "chat" else ())):
            if name not in body:
                raise Refusal(f"{name}: Field required")
        heard = Heard(operation, body["model"], body.get("stream") is True)
        heard.max_tokens, heard.temperature = body.get("max_tokens"), body.get("temperature")
        if not 0 <= (heard.temperature or 0) <= 1:
            raise Refusal("temperature: range: 0..1")
        heard.stop = body.get("stop_sequences") or []
        heard.system = "\n".join(_text(block, "system") for block in _list(body.get("system") or []))
        for at, message in enumerate(body["messages"]):
            if message.get("role") == "system":
                self._hear_system(at, body["messages"], heard)
            else:
                self._hear_message(f"messages.{at}", message, heard)
        for tool in body.get("tools") or ():
            heard.tools[tool["name"]] = tool.get("input_schema") or {}
        heard.tool_choice = _choice(body)
        heard.schema = _schema((body.get("output_config") or {}).get("format"))
        _check_thinking(body)
        return heard

    def whole(self, heard: Heard, answer: Answer) -> Json:
        if heard.operation == "models":
            return self._models()
        if heard.operation == "count_tokens":
            return {"input_tokens": answer.usage.input_tokens if answer.usage else 0}
        return {
            **_head(heard, answer),
            "content": _blocks(answer),
            "stop_reason": _STOPS.get(answer.finish_reason, answer.finish_reason),
            "stop_sequence": None,
            **({} if answer.usage is None else {"usage": _usage(answer.usage)}),
        }

    def frames(self, heard: Heard, answer: Answer) -> list[bytes]:
        usage = None if answer.usage is None else _usage(answer.usage)
        start: Json = {**_head(heard, answer), "content": [], "stop_reason": None, "stop_sequence": None}
        if usage is not None:
            start["usage"] = {**usage, "output_tokens": min(1, usage["output_tokens"])}
        events = [{"type": "message_start", "message": start}]
        for index, block in enumerate(_blocks(answer)):
            events += _block_events(index, block)
            if index == 0:
                events.insert(2, {"type": "ping"})
        stop = {"stop_reason": _STOPS.get(answer.finish_reason, answer.finish_reason), "stop_sequence": None}
        end: Json = {"type": "message_delta", "delta": stop}
        events.append(end if usage is None else {**end, "usage": usage})
        events.append({"type": "message_stop"})
        return [_frame(event) for event in events]

    def failure(self, fault: Fault, message: str, answer: Answer) -> tuple[int, Json]:
        status, kind = _FAILURES.get(fault, (400, "invalid_request_error"))
        error = {"type": kind, "message": _WORDS.get(fault, message)}
        return status, {"type": "error", "error": error, "request_id": "req_wire"}

    def error_frame(self) -> bytes:
        return _frame({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})

    def _check_headers(self, got: Received) -> None:
        if not got.headers.get("x-api-key"):
            raise Refusal("x-api-key header is required", "auth")
        if got.headers.get("anthropic-version") not in _VERSIONS:
            raise Refusal("anthropic-version: header is required")

    def _models(self) -> Json:
        """Two pages of one model each."""
        second = self.last.query.get("after_id") == "wire-large"
        name = "wire-small" if second else "wire-large"
        return {"data": [{"type": "model", "id": name}], "has_more": not second, "first_id": name, "last_id": name}

    def _hear_message(self, where: str, message: Json, heard: Heard) -> None:
        if message.get("role") not in ("user", "assistant"):
            raise Refusal(f"{where}.role: unexpected value {message.get('role')!r}")
        turn = Turn(message["role"])
        blocks = _list(message.get("content"))
        if not blocks:
            raise Refusal(f"{where}: all messages must have non-empty content")
        for block in blocks:
            self._hear_block(where, block, turn)
        asked = [call.id for call in heard.turns[-1].calls] if heard.turns else []
        if asked and {at for at, _ in turn.results} != set(asked):
            raise Refusal(f"{where}: `tool_use` ids were found without `tool_result` blocks immediately after")
        if not asked and turn.results:
            raise Refusal(f"{where}: unexpected `tool_use_id` found in `tool_result` blocks")
        heard.turns.append(turn)

    def _hear_system(self, at: int, messages: list[Json], heard: Heard) -> None:
        """A system message in the middle of a conversation, which newer models take between user and assistant."""
        where = f"messages.{at}"
        if _WITHOUT_SYSTEM.match(heard.model):
            raise Refusal(_UNEXPECTED_SYSTEM)
        if at == 0 or messages[at - 1]["role"] != "user":
            raise Refusal(f"{where}: a system message must immediately follow a user turn")
        if at + 1 < len(messages) and messages[at + 1]["role"] != "assistant":
            raise Refusal(f"{where}: a system message must precede an assistant turn or end the array")
        for block in _list(messages[at].get("content") or []):
            heard.system += "\n" + _text(block, where)

    def _hear_block(self, where: str, block: Json, turn: Turn) -> None:
        match block.get("type"):
            case "text":
                turn.text += _text(block, where)
            case "image":
                turn.images.append(_url(block["source"]))
            case "tool_use":
                if not _TOOL_ID.fullmatch(block["id"]):
                    raise Refusal(f"{where}: tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'")
                turn.calls.append(ToolCall(block["id"], block["name"], block["input"]))
            case "tool_result":
                content = _list(block.get("content") or [])
                texts = [part["text"] for part in content if part["type"] == "text"]
                turn.results.append((block["tool_use_id"], "\n".join(texts)))
                turn.images += [_url(part["source"]) for part in content if part["type"] == "image"]
            case "thinking":
                if block.get("signature") != SIGNATURE:
                    raise Refusal(f"{where}: Invalid `signature` in `thinking` block")
            case "redacted_thinking" | "document":
                pass
            case kind:
                raise Refusal(f"{where}: Input tag {kind!r} found using 'type' does not match any of the expected tags")


def _list(content: Any) -> list[Json]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _text(block: Json, where: str) -> str:
    if not str(block.get("text") or "").strip():
        raise Refusal(f"{where}: text content blocks must contain non-whitespace text")
    return str(block["text"])


def _url(source: Json) -> str:
    return source["url"] if source["type"] == "url" else f"data:{source['media_type']};base64,{source['data']}"


def _choice(body: Json) -> str | None:
    choice = body.get("tool_choice")
    if choice is None:
        return None
    if not body.get("tools"):
        raise Refusal("tool_choice: may only be specified while providing tools")
    return choice["name"] if choice["type"] == "tool" else _CHOICES[choice["type"]]


def _schema(wanted: Json | None) -> Json | None:
    """The schema asked for, as OpenAI would say it: without the `additionalProperties: false` that is compulsory."""
    if wanted is None:
        return None
    schema = dict(wanted["schema"])
    if schema.pop("additionalProperties", None) is not False:
        raise Refusal("output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly false")
    return schema


def _check_thinking(body: Json) -> None:
    thinking = body.get("thinking") or {}
    if thinking.get("type") == "enabled" and not 1024 <= thinking["budget_tokens"] < body["max_tokens"]:
        raise Refusal("thinking.budget_tokens: must be at least 1024 and less than max_tokens")


def _head(heard: Heard, answer: Answer) -> Json:
    return {"id": "msg_wire", "type": "message", "role": "assistant", "model": answer.model or heard.model}


def _usage(usage: Usage) -> Json:
    """Input apart from what was read from and written to the cache, as Anthropic counts."""
    return {
        "input_tokens": usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cached_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"thinking_tokens": usage.reasoning_tokens},
        "service_tier": "standard",
    }


def _blocks(answer: Answer) -> list[Json]:
    blocks: list[Json] = []
    if answer.reasoning:
        blocks.append({"type": "thinking", "thinking": answer.reasoning, "signature": SIGNATURE})
    if answer.text:
        blocks.append({"type": "text", "text": answer.text})
    calls = answer.tool_calls
    return blocks + [{"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments} for call in calls]


def _block_events(index: int, block: Json) -> list[Json]:
    empty: Json
    match block["type"]:
        case "thinking":
            empty = {"type": "thinking", "thinking": "", "signature": ""}
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(block["thinking"])]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
        case "tool_use":
            empty = {**block, "input": {}}
            written = msgspec.json.encode(block["input"]).decode() if block["input"] else ""
            half = len(written) // 2
            deltas = [{"type": "input_json_delta", "partial_json": x} for x in ("", written[:half], written[half:])]
        case _:
            empty = {"type": "text", "text": ""}
            deltas = [{"type": "text_delta", "text": piece} for piece in pieces(block["text"])]
    return [
        {"type": "content_block_start", "index": index, "content_block": empty},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def _frame(event: Json) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (event["type"].encode(), msgspec.json.encode(event))
