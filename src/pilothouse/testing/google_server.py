"""Google's Gemini wire format (generateContent, batchEmbedContents, models), as a stand-in; not the vendor.

Written from https://ai.google.dev/api: paths with a colon, `alt=sse`, counts that leave out zeros, thought signatures
that must come back, and google.rpc.Status errors with their details. Refuses what the format does not allow.
"""

import re
from typing import Any

import msgspec

from pilothouse.testing.openai_server import vector
from pilothouse.testing.server import WireServer
from pilothouse.testing.wire import Answer, Fault, Heard, Received, Refusal, ToolCall, Turn, pieces
from pilothouse.types import Json, Usage

__all__ = ["BILLING", "SIGNATURE", "GoogleServer"]

SIGNATURE = "AVSoXO4YKG1pbmkgdGhvdWdodA=="
"""Comes with the first call of an answer, or with its last text; calls must bring it back."""
BILLING = "You exceeded your current quota, please check your plan and billing details."
"""How Google words every 429, whichever limit was hit."""

_PATH = re.compile(r"^/v1beta/(?P<model>(?:models|tunedModels)/.+):(?P<method>[a-zA-Z]+)$")
_METHODS = {"generateContent": "chat", "streamGenerateContent": "chat", "batchEmbedContents": "embeddings"}
_MODES = {"AUTO": "auto", "NONE": "none", "ANY": "required"}
_FINISH = {"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}
_PLACEHOLDER = "skip_thought_signature_validator"
_TYPE = "type.googleapis.com/google.rpc."
_INVALID_KEY = {"@type": f"{_TYPE}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}
_FAILURES: dict[str, tuple[int, str, str]] = {
    "rate_limit": (429, "RESOURCE_EXHAUSTED", BILLING),
    "auth": (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
    "forbidden": (403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers."),
    "context_length": (
        400, "INVALID_ARGUMENT",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    ),
    "unknown_model": (404, "NOT_FOUND", "The model is not found for API version v1beta."),
    "server_error": (500, "INTERNAL", "An internal error has occurred. Please retry."),
    "overloaded": (503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
}  # fmt: skip


class GoogleServer(WireServer):
    """Speaks as generativelanguage.googleapis.com. Any API key will do, none will not.

    Words for `finish_reason` that are not OpenAI's are said as they are; one that starts with `prompt:`, such as
    `prompt:SAFETY`, blocks the prompt instead. With `identify` off calls carry no ids, as before Gemini 3.
    """

    def __init__(self, default: Answer | None = None, *, identify: bool = True) -> None:
        super().__init__(default)
        self.identify = identify

    def hear(self, got: Received) -> Heard:
        if not got.headers.get("x-goog-api-key"):
            raise Refusal("Method doesn't allow unregistered callers.", "forbidden")
        if got.path == "/v1beta/models":
            return Heard("models", "")
        match = _PATH.match(got.path)
        operation = _METHODS.get(match.group("method")) if match else None
        if match is None or operation is None:
            raise Refusal(f"no such method: {got.path}", "unknown_model")
        stream = match.group("method") == "streamGenerateContent"
        if stream and got.query.get("alt") != "sse":
            raise Refusal("this server streams with alt=sse alone")
        heard = Heard(operation, match.group("model").removeprefix("models/"), stream)
        if operation == "embeddings":
            for request in got.body["requests"]:
                if request["model"] != match.group("model"):
                    raise Refusal("all requests of a batch must name the batch's model")
                heard.inputs.append(request["content"]["parts"][0]["text"])
            if len(heard.inputs) > 100:
                raise Refusal("at most 100 requests can be in one batch")
            return heard
        return self._hear_chat(got.body, heard)

    def whole(self, heard: Heard, answer: Answer) -> Json:
        if heard.operation == "models":
            return self._models()
        if heard.operation == "embeddings":
            body: Json = {"embeddings": [{"values": vector(text)} for text in heard.inputs]}
            usage = answer.usage
            return body if usage is None else {**body, "usageMetadata": {"promptTokenCount": usage.input_tokens}}
        if answer.finish_reason.startswith("prompt:"):
            return {**_head(heard, answer), "promptFeedback": {"blockReason": answer.finish_reason[7:]}}
        parts = [part for _, part in self._parts(answer)]
        return {**_head(heard, answer), "candidates": [_candidate(parts, answer)]}

    def frames(self, heard: Heard, answer: Answer) -> list[bytes]:
        if answer.finish_reason.startswith("prompt:"):
            return [_frame(self.whole(heard, answer))]
        steps: list[list[Json]] = [[]]
        for piecemeal, part in self._parts(answer):
            if piecemeal:
                signature = part.pop("thoughtSignature", None)
                steps += [[{**part, "text": piece}] for piece in pieces(part["text"])]
                if signature:
                    steps.append([{"text": "", "thoughtSignature": signature}])
            else:
                steps.append([part])
        steps = steps[1:] or steps
        head = _head(heard, answer)
        events = [{**head, "candidates": [_candidate(parts, None)]} for parts in steps]
        events[-1] = {**head, "candidates": [_candidate(steps[-1], answer)]}
        return [_frame(event) for event in events]

    def failure(self, fault: Fault, message: str, answer: Answer) -> tuple[int, Json]:
        status, word, text = _FAILURES.get(fault, (400, "INVALID_ARGUMENT", message))
        error: Json = {"code": status, "message": text if answer.fault == fault else message, "status": word}
        if fault == "auth":
            error["details"] = [_INVALID_KEY]
        if answer.retry_after is not None:
            error["details"] = [{"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{answer.retry_after:g}s"}]
        return status, {"error": error}

    def failure_headers(self, answer: Answer) -> dict[str, str]:
        """None: Google says when to retry in the body."""
        return {}

    def error_frame(self) -> bytes:
        return _frame(self.failure("overloaded", "", Answer(fault="overloaded"))[1])

    def _models(self) -> Json:
        """Two pages of one model each."""
        if self.last.query.get("pageToken") == "more/of it":
            return {"models": [{"name": "models/wire-small"}]}
        return {"models": [{"name": "models/wire-large"}], "nextPageToken": "more/of it"}

    def _parts(self, answer: Answer) -> list[tuple[bool, Json]]:
        """The parts of an answer, each with whether it is streamed in pieces."""
        parts: list[tuple[bool, Json]] = []
        if answer.reasoning:
            parts.append((True, {"text": answer.reasoning, "thought": True}))
        if answer.text:
            signed = {"thoughtSignature": SIGNATURE} if answer.reasoning and not answer.tool_calls else {}
            parts.append((True, {"text": answer.text, **signed}))
        for i, call in enumerate(answer.tool_calls):
            part: Json = {"functionCall": {"name": call.name, "args": call.arguments}}
            if self.identify:
                part["functionCall"]["id"] = call.id
            parts.append((False, {**part, "thoughtSignature": SIGNATURE} if i == 0 else part))
        return parts

    def _hear_chat(self, body: Json, heard: Heard) -> Heard:
        system = (body.get("systemInstruction") or {}).get("parts") or ()
        heard.system = "\n".join(part["text"] for part in system)
        for at, content in enumerate(body.get("contents") or ()):
            self._hear_content(at, content, heard)
        for tool in body.get("tools") or ():
            for function in tool.get("functionDeclarations") or ():
                heard.tools[function["name"]] = function.get("parametersJsonSchema") or {}
        choice = (body.get("toolConfig") or {}).get("functionCallingConfig")
        if choice is not None:
            names = choice.get("allowedFunctionNames")
            heard.tool_choice = names[0] if names else _MODES[choice["mode"]]
        config = body.get("generationConfig") or {}
        if "responseJsonSchema" in config and config.get("responseMimeType") != "application/json":
            raise Refusal("responseJsonSchema needs responseMimeType application/json")
        thinking = config.get("thinkingConfig") or {}
        if "thinkingBudget" in thinking and "thinkingLevel" in thinking:
            raise Refusal("You can only set only one of thinking budget and thinking level.")
        heard.schema = config.get("responseJsonSchema")
        heard.max_tokens, heard.temperature = config.get("maxOutputTokens"), config.get("temperature")
        heard.stop = config.get("stopSequences") or []
        return heard

    def _hear_content(self, at: int, content: Json, heard: Heard) -> None:
        role = {"user": "user", "model": "assistant"}.get(content.get("role", "user"))
        if role is None:
            raise Refusal("Please use a valid role: user, model.")
        turn = Turn("user" if role == "user" else "assistant")
        if not content.get("parts"):
            raise Refusal(f"contents[{at}].parts must not be empty")
        for part in content["parts"]:
            _hear_part(part, turn)
        signatures = [part.get("thoughtSignature") for part in content["parts"] if "functionCall" in part]
        if signatures and "gemini-3" in heard.model and signatures[0] not in (SIGNATURE, _PLACEHOLDER):
            raise Refusal("Function call is missing a thought_signature in functionCall parts.")
        asked = len(heard.turns[-1].calls) if heard.turns else 0
        if len(turn.results) != asked:
            raise Refusal("the number of function response parts must equal the number of function call parts")
        heard.turns.append(turn)


def _hear_part(part: Json, turn: Turn) -> None:
    match part:
        case {"text": str(text)}:
            turn.text += text
        case {"inlineData": {"mimeType": kind, "data": data}}:
            turn.images.append(f"data:{kind};base64,{data}")
        case {"fileData": {"fileUri": uri}}:
            turn.images.append(uri)
        case {"functionCall": call}:
            turn.calls.append(ToolCall(call.get("id", ""), call["name"], call.get("args") or {}))
        case {"functionResponse": result}:
            turn.results.append((result.get("id", ""), _said(result["response"])))
        case _:
            raise Refusal("required oneof field 'data' must have one initialized field")


def _said(response: Json) -> str:
    said: Any = response.get("output", response.get("error", response))
    return said if isinstance(said, str) else msgspec.json.encode(said).decode()


def _head(heard: Heard, answer: Answer) -> Json:
    head = {"modelVersion": answer.model or heard.model, "responseId": "wire"}
    return head if answer.usage is None else {**head, "usageMetadata": _usage(answer.usage)}


def _usage(usage: Usage) -> Json:
    """Thoughts beside the candidates' tokens; zeros left out, as protobuf's JSON does."""
    counts = {
        "promptTokenCount": usage.input_tokens,
        "cachedContentTokenCount": usage.cached_tokens,
        "candidatesTokenCount": usage.output_tokens - usage.reasoning_tokens,
        "thoughtsTokenCount": usage.reasoning_tokens,
        "totalTokenCount": usage.input_tokens + usage.output_tokens,
    }
    return {name: count for name, count in counts.items() if count}


def _candidate(parts: list[Json], answer: Answer | None) -> Json:
    """A candidate of an answer, or (None) of one that goes on."""
    candidate: Json = {"content": {"role": "model", "parts": parts}, "index": 0}
    if answer is None:
        return candidate
    return {**candidate, "finishReason": _FINISH.get(answer.finish_reason, answer.finish_reason)}


def _frame(event: Json) -> bytes:
    return b"data: " + msgspec.json.encode(event) + b"\r\n\r\n"
