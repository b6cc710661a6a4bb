"""The OpenAI wire format (chat completions, completions, responses, embeddings, moderations, models), Azure's paths
included, and the `rerank` of servers that are like it.

Written from https://platform.openai.com/docs/api-reference and Azure's REST reference (2024-10-21). Refuses what the
format does not allow, so that a provider which sends it fails its contract.
"""

import base64
import hashlib
import re
import struct
from typing import Any

import msgspec

from pilothouse.ids import new_id
from pilothouse.testing.batches import OpenAIBatchBook
from pilothouse.testing.judging import moderated, reranked
from pilothouse.testing.openai_responses import error_event, hear_response, response_body, response_frames
from pilothouse.testing.server import Plain, WireServer
from pilothouse.testing.wire import Answer, Fault, Heard, Received, Refusal, ToolCall, Turn, pieces
from pilothouse.types import Json, text_of

__all__ = ["OpenAIServer"]

_PATH = re.compile(r"^(?:/v1|/openai/deployments/(?P<deployment>[^/]+)|/openai)/(?P<operation>[a-z/]+)$")
_OPERATIONS = {
    "chat/completions": "chat", "completions": "text_completion", "embeddings": "embeddings", "models": "models",
    "responses": "responses", "moderations": "moderations", "rerank": "rerank",
}  # fmt: skip
_FAILURES: dict[str, tuple[int, str, str | None]] = {
    "rate_limit": (429, "requests", "rate_limit_exceeded"),
    "auth": (401, "invalid_request_error", "invalid_api_key"),
    "forbidden": (403, "invalid_request_error", "unsupported_country_region_territory"),
    "context_length": (400, "invalid_request_error", "context_length_exceeded"),
    "unknown_model": (404, "invalid_request_error", "model_not_found"),
    "content_filter": (400, "invalid_request_error", "content_filter"),
    "server_error": (500, "server_error", None),
    "overloaded": (503, "overloaded_error", None),
}
_DIMENSIONS = 8


class OpenAIServer(WireServer):
    """Speaks as api.openai.com, or as an Azure deployment on Azure's paths. Any API key will do, none will not."""

    def __init__(self, default: Answer | None = None) -> None:
        super().__init__(default)
        self.batches = OpenAIBatchBook(self)

    def beside(self, got: Received) -> Plain | None:
        return self.batches.answer(got)

    def hear(self, got: Received) -> Heard:
        match = _PATH.match(got.path)
        operation = _OPERATIONS.get(match.group("operation")) if match else None
        if match is None or operation is None:
            raise Refusal(f"Invalid URL ({got.method} {got.path})", "unknown_model")
        self._check_access(got, azure=got.path.startswith("/openai"))
        model = match.group("deployment") or got.body.get("model")
        if operation == "models":
            return Heard(operation, "")
        if not isinstance(model, str):
            raise Refusal("you must provide a model parameter")
        if operation == "embeddings":
            given = got.body.get("input")
            return Heard(operation, model, inputs=[given] if isinstance(given, str) else list(given or ()))
        stream = got.body.get("stream") is True
        if operation in ("moderations", "rerank"):
            return Heard(operation, model)
        if operation == "responses":
            return hear_response(got.body, Heard(operation, model, stream))
        if not stream and got.body.get("stream_options") is not None:
            raise Refusal("The 'stream_options' parameter is only allowed when 'stream' is enabled.")
        if operation == "text_completion":
            return Heard(operation, model, stream, turns=[Turn("user", str(got.body["prompt"]))])
        return self._hear_chat(got.body, Heard(operation, model, stream))

    def whole(self, heard: Heard, answer: Answer) -> Json:
        if heard.operation == "models":
            return {"object": "list", "data": [{"id": f"wire-{x}", "object": "model"} for x in ("large", "small")]}
        if heard.operation == "embeddings":
            return self._embeddings(heard, answer)
        if heard.operation == "responses":
            return response_body(heard, answer, self.last.body, f"resp_{new_id()}")
        if heard.operation == "moderations":
            return moderated(self.last.body)
        if heard.operation == "rerank":
            return reranked(self.last.body, answer)
        choices = []
        for index in range(answer.choices):
            choice: Json = {"index": index, "finish_reason": answer.finish_reason, "logprobs": None}
            if heard.operation == "chat":
                choice["message"] = _message(answer)
            else:
                choice["text"] = answer.text
            choices.append(choice)
        kind = "chat.completion" if heard.operation == "chat" else "text_completion"
        body = {**_head(heard, answer, kind), "choices": choices}
        return body if answer.usage is None else {**body, "usage": answer.usage.to_openai()}

    def frames(self, heard: Heard, answer: Answer) -> list[bytes]:
        if heard.operation == "responses":
            return response_frames(heard, answer, self.last.body, f"resp_{new_id()}")
        head = _head(heard, answer, "chat.completion.chunk" if heard.operation == "chat" else "text_completion")
        asked = bool((self.last.body.get("stream_options") or {}).get("include_usage"))
        extra: Json = {"usage": None} if asked else {}
        events: list[Json] = []
        for index in range(answer.choices):
            for delta in _deltas(answer) if heard.operation == "chat" else pieces(answer.text):
                part = {"text": delta} if isinstance(delta, str) else {"delta": delta}
                events.append({**head, "choices": [{"index": index, **part, "finish_reason": None}], **extra})
            last: Json = {"delta": {}} if heard.operation == "chat" else {"text": ""}
            last = {"index": index, **last, "finish_reason": answer.finish_reason}
            events.append({**head, "choices": [last], **extra})
        if asked and answer.usage is not None:
            events.append({**head, "choices": [], "usage": answer.usage.to_openai()})
        return [*map(_frame, events), b"data: [DONE]\n\n"]

    def failure(self, fault: Fault, message: str, answer: Answer) -> tuple[int, Json]:
        status, kind, code = _FAILURES.get(fault, (400, "invalid_request_error", None))
        return status, {"error": {"message": message, "type": kind, "param": None, "code": code}}

    def error_frame(self) -> bytes:
        if self.heard.operation == "responses":
            return error_event()
        return _frame({"error": {"message": "The server had an error.", "type": "server_error", "code": None}})

    def _check_access(self, got: Received, *, azure: bool) -> None:
        if azure and "api-version" not in got.query:
            raise Refusal("Resource not found", "unknown_model")
        key = got.headers.get("api-key", "") if azure else got.headers.get("authorization", "")
        if not key.removeprefix("Bearer").strip():
            raise Refusal("You didn't provide an API key.", "auth")

    def _hear_chat(self, body: Json, heard: Heard) -> Heard:
        for at, message in enumerate(body.get("messages") or ()):
            self._hear_message(at, message, heard)
        for tool in body.get("tools") or ():
            heard.tools[tool["function"]["name"]] = tool["function"].get("parameters") or {}
        choice = body.get("tool_choice")
        if choice is not None and not heard.tools:
            raise Refusal("'tool_choice' is only allowed when 'tools' are specified.")
        heard.tool_choice = choice["function"]["name"] if isinstance(choice, dict) else choice
        wanted = body.get("response_format") or {}
        heard.schema = wanted["json_schema"]["schema"] if wanted.get("type") == "json_schema" else None
        heard.max_tokens = body.get("max_completion_tokens") or body.get("max_tokens")
        heard.temperature = body.get("temperature")
        stop = body.get("stop") or []
        heard.stop = [stop] if isinstance(stop, str) else stop
        return heard

    def _hear_message(self, at: int, message: Json, heard: Heard) -> None:
        role, content = message.get("role"), message.get("content")
        if role in ("system", "developer"):
            heard.system += text_of(content)
            return
        if role not in ("user", "assistant", "tool"):
            raise Refusal(f"Invalid value: '{role}' at messages[{at}].role")
        turn = Turn(role, "" if role == "tool" else text_of(content))
        for part in content if isinstance(content, list) else ():
            if part.get("type") == "image_url":
                turn.images.append(part["image_url"]["url"])
        for call in message.get("tool_calls") or ():
            function = call["function"]
            turn.calls.append(ToolCall(call["id"], function["name"], msgspec.json.decode(function["arguments"])))
        if role == "tool":
            asked = {call.id for earlier in heard.turns for call in earlier.calls}
            if message.get("tool_call_id") not in asked:
                raise Refusal("messages with role 'tool' must be a response to a preceding message with 'tool_calls'.")
            turn.results.append((message["tool_call_id"], text_of(content)))
        heard.turns.append(turn)

    def _embeddings(self, heard: Heard, answer: Answer) -> Json:
        wants_base64 = self.last.body.get("encoding_format") == "base64"
        rows: list[Any] = [vector(text) for text in heard.inputs]
        if wants_base64:
            rows = [base64.b64encode(struct.pack(f"<{_DIMENSIONS}f", *row)).decode() for row in rows]
        data = [{"object": "embedding", "index": i, "embedding": row} for i, row in enumerate(rows)]
        body: Json = {"object": "list", "data": data, "model": heard.model}
        if answer.usage is not None:
            body["usage"] = {"prompt_tokens": answer.usage.input_tokens, "total_tokens": answer.usage.input_tokens}
        return body


def vector(text: str) -> list[float]:
    """A deterministic embedding of any text: `_DIMENSIONS` floats in [-1, 1)."""
    digest = hashlib.blake2b(str(text).encode(), digest_size=_DIMENSIONS).digest()
    return [byte / 128 - 1 for byte in digest]


def _head(heard: Heard, answer: Answer, kind: str) -> Json:
    return {"id": "chatcmpl-wire", "object": kind, "created": 1700000000, "model": answer.model or heard.model}


def _message(answer: Answer) -> Json:
    message: Json = {"role": "assistant", "content": answer.text or None, "refusal": None}
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    if answer.tool_calls:
        message["tool_calls"] = [_call(call) for call in answer.tool_calls]
    return message


def _deltas(answer: Answer) -> list[Json]:
    deltas: list[Json] = [{"role": "assistant", "content": ""}]
    deltas += [{"reasoning_content": piece} for piece in pieces(answer.reasoning)]
    deltas += [{"content": piece} for piece in pieces(answer.text)]
    for index, call in enumerate(answer.tool_calls):
        whole = _call(call)
        arguments = whole["function"]["arguments"]
        half = len(arguments) // 2
        whole["function"]["arguments"] = ""
        deltas.append({"tool_calls": [{"index": index, **whole}]})
        deltas += [
            {"tool_calls": [{"index": index, "function": {"arguments": part}}]}
            for part in (arguments[:half], arguments[half:])
        ]
    return deltas


def _call(call: ToolCall) -> Json:
    arguments = msgspec.json.encode(call.arguments).decode()
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _frame(event: Json) -> bytes:
    return b"data: " + msgspec.json.encode(event) + b"\n\n"
