"""Amazon Bedrock's Converse format, both ways: an OpenAI chat request into it, its answers and events into chunks.

Converse's own names (`guardrailConfig`, `performanceConfig`, `inferenceConfig`, ...) pass through at top level; any
other name that is not OpenAI's belongs to the model (`thinking`, `top_k`, `reasoningConfig`) and goes untouched into
`additionalModelRequestFields`. Parts and tools in Bedrock's own shape pass through. `cache_control` on a part, message
or tool becomes a `cachePoint` behind it, `metadata` becomes `requestMetadata`. `seed`, `user` and hints are dropped;
penalties, `logprobs`, `n` and `audio` raise Unsupported, as do images by https address: Bedrock takes bytes or s3.
`parallel_tool_calls: false` keeps the first call of an answer.

Sources: the service model in botocore (bedrock-runtime, 2023-09-30), docs.aws.amazon.com/bedrock/latest/userguide/
conversation-inference.html. Knows nothing of HTTP or signatures.
"""

import re
from typing import Any

import msgspec

from pilothouse.errors import Unsupported
from pilothouse.providers.claude import JSON_INSTRUCTION, reasoning
from pilothouse.providers.completion import Completion, tool_call
from pilothouse.providers.content import Media, Piece, add_turn, calls_of, content_of, object_in, objects_in, plain_text
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
from pilothouse.providers.usage import count, counted, with_input
from pilothouse.types import ChatChunk, ChatRequest, Json, Usage

__all__ = ["UNUSABLE", "ConverseReader", "to_converse", "usage_of"]

_VENDOR = "Bedrock"
_CONVERSE = frozenset({
    "inferenceConfig", "toolConfig", "guardrailConfig", "additionalModelRequestFields", "promptVariables",
    "additionalModelResponseFieldPaths", "requestMetadata", "performanceConfig", "serviceTier", "outputConfig",
})  # fmt: skip
_TURNS = {"user": "user", "tool": "user", "assistant": "assistant"}
_TIERS = ("default", "flex", "priority")
_MAX_TOKENS = 16_384
"""The limit set where a thinking budget must fit below one and the caller set none."""
_BAD_ID = re.compile(r"[^a-zA-Z0-9_.:-]")
_BAD_NAME = re.compile(r"[^a-zA-Z0-9()\[\]-]+")
_IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
_DOCUMENTS = {
    "application/pdf": "pdf", "text/csv": "csv", "application/msword": "doc", "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx", "text/html": "html",
    "text/plain": "txt", "text/markdown": "md",
}  # fmt: skip
_STOPS = {
    "end_turn": "stop", "stop_sequence": "stop", "tool_use": "tool_calls", "max_tokens": "length",
    "model_context_window_exceeded": "length", "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}  # fmt: skip

UNUSABLE = frozenset({"malformed_model_output", "malformed_tool_use"})
"""Stop reasons of an answer that the model spoilt: there is nothing to hand on, another attempt may help."""


def to_converse(request: ChatRequest) -> Json:
    """The body of POST /model/{id}/converse and /converse-stream."""
    body = request.body
    refuse(body, _VENDOR, "frequency_penalty", "presence_penalty")
    tools, wanted = tools_of(body), format_of(body)
    system, messages = _turns(request.messages)
    if wanted is not None and wanted.schema is None:
        system.append({"text": JSON_INSTRUCTION})
    inference: Json = {
        "maxTokens": request.max_tokens,
        "temperature": body.get("temperature"),
        "topP": body.get("top_p"),
        "stopSequences": stops_of(body),
    }
    thinking, effort = _reasoning(request)
    if (thinking or {}).get("budget_tokens"):
        inference["maxTokens"] = request.max_tokens or _MAX_TOKENS
    own = native_fields(body)
    more = {name: value for name, value in own.items() if name not in _CONVERSE}
    tier = body.get("service_tier")
    out: Json = {
        "system": system,
        "messages": messages,
        "inferenceConfig": filled(inference),
        "toolConfig": _tool_config(tools, messages),
        "outputConfig": _output_config(effort, wanted),
        "requestMetadata": object_in(body, "metadata"),
        "serviceTier": {"type": tier} if tier in _TIERS else None,
        "additionalModelRequestFields": {**filled({"thinking": thinking}), **more},
    }
    return with_native(out, {name: value for name, value in own.items() if name in _CONVERSE}, _CONVERSE)


def _reasoning(request: ChatRequest) -> tuple[Json | None, str | None]:
    """(`thinking` for Claude, effort for any model)."""
    effort = effort_of(request.body)
    if "claude" in request.model:
        return reasoning(request.model, effort, request.max_tokens or _MAX_TOKENS)
    if effort in (None, "none"):
        return None, None
    return None, "low" if effort == "minimal" else effort


def _turns(messages: list[Json]) -> tuple[list[Json], list[Json]]:
    """(system blocks, messages). Bedrock wants the roles in turn: neighbours of one role become one message."""
    system: list[Json] = []
    turns: list[Json] = []
    for i, message in enumerate(messages):
        where, role = f"messages[{i}]", message["role"]
        if role in ("system", "developer"):
            system += [{"text": text} for text in [plain_text(message, where, _VENDOR)] if text.strip()]
            system += _cache_points(message, *(piece.part for piece in content_of(message, where)))[:1]
            continue
        if role not in _TURNS:
            raise Unsupported(f"{_VENDOR} has no role '{role}' (at {where}.role).", param=f"{where}.role")
        if role == "tool":
            blocks = [_result(message, where), *_cache_points(message)]
        else:
            blocks = [block for piece in content_of(message, where) for block in _blocks(piece)]
            if isinstance(message.get("content"), list):
                blocks += _cache_points(message)
        if role == "assistant":
            blocks = [*_thought(message), *blocks, *_uses(message, where)]
        add_turn(turns, _TURNS[role], blocks)
    return system, turns


def _blocks(piece: Piece) -> list[Json]:
    """A part's content block, and the cache point behind it where the part is marked."""
    value = piece.value
    if isinstance(value, str):
        return [] if piece.blank else [{"text": value}, *_cache_points(piece.part)]
    if isinstance(value, Media):
        return [_media(value), *_cache_points(piece.part)]
    return [value]


def _cache_points(*marked: Json) -> list[Json]:
    points = []
    for body in marked:
        if body.get("cache_control"):
            ttl = object_in(body, "cache_control").get("ttl")
            points.append({"cachePoint": filled({"type": "default", "ttl": ttl})})
    return points


def _media(media: Media) -> Json:
    if media.url.startswith("s3://"):
        source: Json = {"s3Location": {"uri": media.url}}
    elif media.data:
        source = {"bytes": media.data}
    else:
        raise media.unsupported(_VENDOR, "send its bytes as a data URL, or an s3:// address")
    suffix = (media.name or media.url).rpartition(".")[2].lower()
    if media.kind == "audio":
        return {"audio": {"format": media.media_type.partition("/")[2].replace("mpeg", "mp3"), "source": source}}
    image = _IMAGES.get(media.media_type) or _IMAGES.get(f"image/{suffix}")
    if image:
        return {"image": {"format": image, "source": source}}
    known = _DOCUMENTS.get(media.media_type) or (suffix if suffix in _DOCUMENTS.values() else None)
    if known is None or media.kind == "image":
        raise media.unsupported(_VENDOR, "it takes PNG, JPEG, GIF and WebP, and documents of the usual office types")
    return {"document": {"format": known, "name": _document_name(media), "source": source}}


def _document_name(media: Media) -> str:
    """A name in the letters that Bedrock allows, unique by the document's place in the request."""
    stem = _BAD_NAME.sub(" ", media.name.rpartition(".")[0] or media.name).strip() or "document"
    return f"{stem[:150]} {'-'.join(re.findall(r'[0-9]+', media.where))}"


def _thought(message: Json) -> list[Json]:
    """The signed reasoning of an earlier answer, exactly as it came."""
    blocks: list[Json] = []
    for block in objects_in(message, "thinking_blocks"):
        if block.get("type") == "thinking":
            text = {"text": block.get("thinking", ""), "signature": block.get("signature")}
            blocks.append({"reasoningContent": {"reasoningText": filled(text)}})
        elif block.get("type") == "redacted_thinking":
            blocks.append({"reasoningContent": {"redactedContent": block.get("data")}})
    return blocks


def _uses(message: Json, where: str) -> list[Json]:
    return [
        {"toolUse": {"toolUseId": _safe(call.id), "name": call.name, "input": call.arguments}}
        for call in calls_of(message, where)
    ]


def _result(message: Json, where: str) -> Json:
    content = [block for piece in content_of(message, where) for block in _blocks(piece) if "cachePoint" not in block]
    result: Json = {"toolUseId": _safe(str(message.get("tool_call_id") or "")), "content": content}
    if message.get("is_error"):
        result |= {"status": "error", "content": content or [{"text": "The tool failed and said nothing."}]}
    return {"toolResult": result}


def _tool_config(tools: Tools, messages: list[Json]) -> Json | None:
    if not (tools.functions or tools.native):
        return None
    if tools.choice == "none":
        if any("toolUse" in block or "toolResult" in block for turn in messages for block in turn["content"]):
            hint = "it must be told of the tools that the conversation used, and may then call them; leave it out"
            raise Unsupported(f"{_VENDOR} has no tool_choice 'none' here: {hint}.", param="tool_choice")
        return None
    config: Json = {"tools": [*(tool for f in tools.functions for tool in _tool(f)), *tools.native]}
    if tools.name is not None:
        config["toolChoice"] = {"tool": {"name": tools.name}}
    elif tools.choice is not None:
        config["toolChoice"] = {"any" if tools.choice == "required" else "auto": {}}
    elif tools.native_choice is not None:
        config["toolChoice"] = tools.native_choice
    return config


def _tool(function: Function) -> list[Json]:
    described = filled({"description": function.description or None, "strict": function.strict})
    spec = {"name": function.name, "inputSchema": {"json": function.parameters or NO_PARAMETERS}, **described}
    return [{"toolSpec": spec}, *_cache_points(function.body, function.body["function"])[:1]]


def _output_config(effort: str | None, wanted: Format | None) -> Json:
    config: Json = {"effort": effort} if effort else {}
    if wanted is not None and wanted.schema is not None:
        schema = msgspec.json.encode(closed(wanted.schema)).decode()
        described = filled({"name": wanted.name, "description": wanted.description, "schema": schema})
        config["textFormat"] = {"type": "json_schema", "structure": {"jsonSchema": described}}
    return config


def _safe(call_id: str) -> str:
    """A call id in the letters, and the length, that Bedrock allows."""
    return _BAD_ID.sub("_", call_id)[:64]


def usage_of(usage: Any) -> Usage | None:
    """Bedrock reports cached and cache-writing input apart from `inputTokens`; ours includes them."""
    if not isinstance(usage, dict):
        return None
    cached, written = count(usage.get("cacheReadInputTokens")), count(usage.get("cacheWriteInputTokens"))
    told = counted(usage.get("inputTokens"), usage.get("outputTokens"), cached, written)
    return told and with_input(told, (cached or 0) + (written or 0))


class ConverseReader(AnswerReader):
    """Reads a Converse answer, or the events of ConverseStream: objects of one field, named after the event."""

    def __init__(self, completion: Completion) -> None:
        super().__init__(completion)
        self._thinking: Json = {}
        self._calling = False
        self._stop: str | None = None
        self._used: Usage | None = None

    def whole(self, body: Json) -> ChatChunk:
        blocks: list[Json] = body["output"]["message"]["content"]
        thinking = [_thinking_block(block["reasoningContent"]) for block in blocks if "reasoningContent" in block]
        cited = [block["citationsContent"] for block in blocks if "citationsContent" in block]
        texts = [_text(block) for block in blocks]
        uses = [block["toolUse"] for block in blocks if "toolUse" in block]
        return self.completion.whole(
            _STOPS.get(body["stopReason"], "stop"),
            body["stopReason"],
            usage_of(body.get("usage")),
            text="".join(texts),
            reasoning="".join(block.get("thinking", "") for block in thinking),
            calls=[
                tool_call(use["toolUseId"], use["name"], msgspec.json.encode(use["input"]).decode())
                for use in uses
                if use.get("type") != "server_tool_use"
            ],
            thinking_blocks=thinking,
            citations=[citation for content in cited for citation in content.get("citations") or ()],
        )

    def feed(self, event: Json) -> list[ChatChunk]:
        ((name, payload),) = event.items()
        match name:
            case "contentBlockStart":
                use = payload["start"].get("toolUse")
                self._calling = use is not None and use.get("type") != "server_tool_use"
                if use is not None and self._calling:
                    return self.completion.call(use["toolUseId"], use["name"])
            case "contentBlockDelta":
                return self._delta(payload["delta"])
            case "contentBlockStop":
                thinking, self._thinking, self._calling = self._thinking, {}, False
                return self.completion.block("thinking_blocks", thinking) if thinking else []
            case "messageStop":
                self._stop = payload["stopReason"]
            case "metadata":
                self._used = usage_of(payload.get("usage"))
                self.done = True
        return []  # messageStart, and events that a later version adds

    def end(self) -> list[ChatChunk] | None:
        if self._stop is None:
            return None
        return self.completion.finish(_STOPS.get(self._stop, "stop"), self._stop, self._used)

    def _delta(self, delta: Json) -> list[ChatChunk]:
        match delta:
            case {"text": text}:
                return self.completion.text(text)
            case {"toolUse": {"input": text}} if self._calling:
                return self.completion.arguments(text)
            case {"citation": citation}:
                return self.completion.block("citations", citation)
            case {"reasoningContent": {"redactedContent": data}}:
                self._thinking = {"type": "redacted_thinking", "data": self._thinking.get("data", "") + data}
            case {"reasoningContent": {"signature": signature}}:
                self._thinking = {"type": "thinking", "thinking": "", **self._thinking, "signature": signature}
            case {"reasoningContent": {"text": text}}:
                known = self._thinking.get("thinking", "")
                self._thinking = {"type": "thinking", **self._thinking, "thinking": known + text}
                return self.completion.reasoning(text)
        return []


def _text(block: Json) -> str:
    if "citationsContent" in block:
        return "".join(part.get("text", "") for part in block["citationsContent"].get("content") or ())
    text: str = block.get("text", "")
    return text


def _thinking_block(content: Json) -> Any:
    """Bedrock's reasoning in the shape of Anthropic's thinking blocks, so that either door takes it back."""
    if "redactedContent" in content:
        return {"type": "redacted_thinking", "data": content["redactedContent"]}
    said = content["reasoningText"]
    return {"type": "thinking", "thinking": said["text"], **filled({"signature": said.get("signature")})}
