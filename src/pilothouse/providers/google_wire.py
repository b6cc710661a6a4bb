"""Google's generateContent format, both ways: an OpenAI chat request into it, its answers and events into chunks.

Thought signatures travel in the field that Google's own OpenAI endpoint uses: `extra_content.google.thought_signature`
on a tool call, or on the message where a text carries one. Clients send them back as they came; Gemini 3 refuses tool
calls without, so calls that come from another model get the documented placeholder.

Fields without a counterpart: `user`, `metadata`, `store`, `cache_control` and hints are dropped; `logprobs`, `n` and
`audio` raise Unsupported; `parallel_tool_calls: false` keeps the first call of an answer. Top-level names that are
not OpenAI's (`safetySettings`, `cachedContent`, `generationConfig`, ...), parts and tools in Google's own shape pass
through untouched.

Sources: ai.google.dev/api/generate-content, .../gemini-api/docs/{thinking,thought-signatures,function-calling,
openai}. Knows nothing of HTTP.
"""

import mimetypes
import re
from typing import Any

import msgspec

from pilothouse.errors import InvalidRequest, Unsupported
from pilothouse.providers.completion import Completion, tool_call
from pilothouse.providers.content import Media, Piece, add_turn, calls_of, content_of, object_in, plain_text, tool_names
from pilothouse.providers.failures import UNREADABLE
from pilothouse.providers.parameters import (
    Effort,
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
from pilothouse.providers.usage import count, counted, with_input
from pilothouse.types import ChatChunk, ChatRequest, Json, Usage

__all__ = ["UNUSABLE", "ContentReader", "to_contents", "usage_of"]

_VENDOR = "Google"
_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
_GENERATION = re.compile(r"gemini-(\d+)")
_BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576, "max": 24576}
"""Thinking tokens for Gemini 2.5, as Google's OpenAI endpoint maps them; later models take a level."""
_LEVELS = {"none": "MINIMAL", "minimal": "MINIMAL", "low": "LOW", "medium": "MEDIUM", "high": "HIGH"}
_NO_SIGNATURE = "skip_thought_signature_validator"
_TIERS = {"default": "standard", "flex": "flex", "priority": "priority"}

_FINISH = {
    "STOP": "stop", "MAX_TOKENS": "length", "CONTINUATION": "length",
    **dict.fromkeys(
        ("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR", "ESCALATION",
         "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
        "content_filter",
    ),
}  # fmt: skip

UNUSABLE = frozenset({
    "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MALFORMED_RESPONSE", "NO_IMAGE",
    "IMAGE_OTHER",
})  # fmt: skip
"""Finish reasons of an answer that the model spoilt: there is nothing to hand on, another attempt may help."""


def to_contents(request: ChatRequest) -> Json:
    """The body of POST models/{model}:generateContent."""
    body = request.body
    refuse(body, _VENDOR)
    tools, wanted = tools_of(body), format_of(body)
    system, contents = _turns(request)
    declared = [{"functionDeclarations": [_declaration(function) for function in tools.functions]}]
    config = {
        "maxOutputTokens": request.max_tokens,
        "temperature": body.get("temperature"),
        "topP": body.get("top_p"),
        "topK": body.get("top_k"),
        "seed": body.get("seed"),
        "presencePenalty": body.get("presence_penalty"),
        "frequencyPenalty": body.get("frequency_penalty"),
        "stopSequences": stops_of(body),
        "responseMimeType": "application/json" if wanted else None,
        "responseJsonSchema": wanted.schema if wanted else None,
        "thinkingConfig": _thinking(request.model, effort_of(body)),
    }
    out = {
        "systemInstruction": {"parts": system} if system else None,
        "contents": contents,
        "tools": [*(declared if tools.functions else []), *tools.native],
        "toolConfig": _tool_config(tools),
        "generationConfig": filled(config),
        "serviceTier": _TIERS.get(str(body.get("service_tier"))),
    }
    own = {name: value for name, value in native_fields(body).items() if name != "top_k"}
    return with_native(out, own, frozenset({"generationConfig"}))


def _turns(request: ChatRequest) -> tuple[list[Json], list[Json]]:
    """(system parts, contents). Neighbours of one role become one content; tool results are the user's."""
    system: list[Json] = []
    contents: list[Json] = []
    names = tool_names(request.messages)
    for i, message in enumerate(request.messages):
        where = f"messages[{i}]"
        match message["role"]:
            case "system" | "developer":
                system += [{"text": text} for text in [plain_text(message, where, _VENDOR)] if text]
                continue
            case "user":
                role, parts = "user", [_part(piece) for piece in content_of(message, where)]
            case "assistant":
                role, parts = "model", _answered(message, where, request.model)
            case "tool":
                role, parts = "user", [_result(message, where, names)]
            case unknown:
                raise Unsupported(f"{_VENDOR} has no role '{unknown}' (at {where}.role).", param=f"{where}.role")
        add_turn(contents, role, parts, "parts")
    return system, contents


def _part(piece: Piece) -> Json:
    value = piece.value
    if isinstance(value, str):
        return {"text": value}
    return _media(value) if isinstance(value, Media) else value


def _media(media: Media) -> Json:
    if media.data:
        return {"inlineData": {"mimeType": media.media_type, "data": media.data}}
    uri = media.url or media.file_id
    guessed, _ = mimetypes.guess_type(uri.partition("?")[0])
    return {"fileData": filled({"mimeType": guessed, "fileUri": uri})}


def _answered(message: Json, where: str, model: str) -> list[Json]:
    """An earlier answer of the model, its thought signatures where they were."""
    parts = [_part(piece) for piece in content_of(message, where)]
    signature = _signature(message)
    if signature and parts:
        parts[-1] = {**parts[-1], "thoughtSignature": signature}
    calls = calls_of(message, where)
    signed = any(_signature(call.body) for call in calls)
    for i, call in enumerate(calls):
        part: Json = {"functionCall": {"id": call.id, "name": call.name, "args": call.arguments}}
        signature = _signature(call.body) or (_NO_SIGNATURE if not signed and i == 0 and _signs(model) else None)
        parts.append({**part, "thoughtSignature": signature} if signature else part)
    return parts


def _result(message: Json, where: str, names: dict[str, str]) -> Json:
    call_id = str(message.get("tool_call_id") or "")
    name = names.get(call_id) or message.get("name")
    if not name:
        at = f"{where}.tool_call_id"
        raise InvalidRequest(f"No tool call of the conversation has the id '{call_id}' (at {at}).", param=at)
    pieces = list(content_of(message, where))
    text = "\n".join(piece.value for piece in pieces if isinstance(piece.value, str))
    media = [_media(piece.value) for piece in pieces if isinstance(piece.value, Media)]
    answer: Json = {"error": text} if message.get("is_error") else _object(text) or {"output": text}
    return {"functionResponse": filled({"id": call_id, "name": name, "response": answer, "parts": media})}


def _object(text: str) -> Json | None:
    """The JSON object that a tool's result is, if it is one: Gemini then reads its fields."""
    try:
        value = msgspec.json.decode(text)
    except UNREADABLE:
        return None
    return value if isinstance(value, dict) else None


def _declaration(function: Function) -> Json:
    described = {"description": function.description, "parametersJsonSchema": function.parameters}
    return {"name": function.name, **filled(described)}


def _tool_config(tools: Tools) -> Json | None:
    if tools.native_choice is not None:
        raise InvalidRequest(
            "'tool_choice' must be in OpenAI's shape; 'toolConfig' is Google's own.", param="tool_choice"
        )
    if tools.choice is None or not (tools.functions or tools.native):
        return None
    config: Json = {"mode": _MODES[tools.choice]}
    if tools.name is not None:
        config["allowedFunctionNames"] = [tools.name]
    return {"functionCallingConfig": config}


def _thinking(model: str, effort: Effort | None) -> Json | None:
    if effort is None:
        return None
    shown = {"includeThoughts": True} if effort != "none" else {}
    if _generation(model) < 3:
        return {"thinkingBudget": _BUDGETS[effort], **shown}
    return {"thinkingLevel": _LEVELS.get(effort, "XHIGH"), **shown}


def _generation(model: str) -> int:
    """The major version in a model's name; the latest for names without one, such as gemini-flash-latest."""
    match = _GENERATION.search(model)
    return int(match.group(1)) if match else 3


def _signs(model: str) -> bool:
    return "gemini" in model and _generation(model) >= 3


def _signature(body: Json) -> str | None:
    """`extra_content.google.thought_signature` of a message or a tool call."""
    signature = object_in(object_in(body, "extra_content"), "google").get("thought_signature")
    return signature if isinstance(signature, str) else None


def usage_of(usage: Any) -> Usage | None:
    """Cached tokens are inside `promptTokenCount`, thoughts are beside `candidatesTokenCount`. Zeros are left out."""
    if not isinstance(usage, dict):
        return None
    thoughts, tools = count(usage.get("thoughtsTokenCount")), count(usage.get("toolUsePromptTokenCount"))
    read, made = usage.get("promptTokenCount", 0), usage.get("candidatesTokenCount", 0)
    told = counted(read, made, usage.get("cachedContentTokenCount"), None, thoughts)
    return told and with_input(told, tools or 0, thoughts or 0)


class ContentReader(AnswerReader):
    """Reads a GenerateContentResponse, or the stream of them: the same shape, a piece at a time.

    Counts in a stream are cumulative. It has no last event: the answer ends with its stream, once there was a reason.
    """

    def __init__(self, completion: Completion) -> None:
        super().__init__(completion)
        self._reason: str | None = None
        self._usage: Json | None = None
        self._signature: str | None = None
        self._calls = 0

    def whole(self, body: Json) -> ChatChunk:
        parts = self._take(body)
        if self._reason is None:
            raise KeyError("candidates[0].finishReason")
        calls = [self._call(part) for part in parts if "functionCall" in part]
        thoughts = [part for part in parts if part.get("thought")]
        return self.completion.whole(
            self._finish_reason(),
            self._reason,
            usage_of(self._usage),
            text="".join(part.get("text", "") for part in parts if not part.get("thought")),
            reasoning="".join(part.get("text", "") for part in thoughts),
            calls=[tool_call(**call) for call in calls],
            images=[_image(part) for part in parts if "inlineData" in part],
            extra_content=_extra(self._signature),
        )

    def feed(self, event: Json) -> list[ChatChunk]:
        chunks: list[ChatChunk] = []
        for part in self._take(event):
            if "functionCall" in part:
                chunks += self.completion.call(**self._call(part))
            elif "inlineData" in part:
                chunks += self.completion.block("images", _image(part))
            elif part.get("thought"):
                chunks += self.completion.reasoning(part.get("text", ""))
            else:
                chunks += self.completion.text(part.get("text", ""))
        return chunks

    def end(self) -> list[ChatChunk] | None:
        if self._reason is None:
            return None
        extra = {"extra_content": _extra(self._signature)} if self._signature else {}
        return self.completion.finish(self._finish_reason(), self._reason, usage_of(self._usage), **extra)

    def _take(self, body: Json) -> list[Json]:
        """Note what stands beside the parts of the first candidate, and return them."""
        self.completion.id = body.get("responseId") or self.completion.id
        self.completion.model = body.get("modelVersion") or self.completion.model
        self._usage = body.get("usageMetadata", self._usage)
        candidate: Json = (body.get("candidates") or [{}])[0]
        self._reason = candidate.get("finishReason", self._reason)
        parts: list[Json] = (candidate.get("content") or {}).get("parts") or []
        for part in parts:
            if "functionCall" not in part:
                self._signature = part.get("thoughtSignature", self._signature)
        return parts

    def _call(self, part: Json) -> dict[str, Any]:
        """The arguments of `tool_call`. Gemini may give a call no id; ours is stable for the answer's own id."""
        call = part["functionCall"]
        self._calls += 1
        return {
            "id": call.get("id") or f"call_{self.completion.id}_{self._calls - 1}",
            "name": call["name"],
            "arguments": msgspec.json.encode(call.get("args") or {}).decode(),
            "extra_content": _extra(part.get("thoughtSignature")),
        }

    def _finish_reason(self) -> str:
        reason = _FINISH.get(self._reason or "", "stop")
        return "tool_calls" if reason == "stop" and self._calls else reason


def _extra(signature: str | None) -> Json | None:
    return {"google": {"thought_signature": signature}} if signature else None


def _image(part: Json) -> Json:
    """An image that the model made, in the shape of an `image_url` content part."""
    data = part["inlineData"]
    return {"type": "image_url", "image_url": {"url": f"data:{data['mimeType']};base64,{data['data']}"}}
