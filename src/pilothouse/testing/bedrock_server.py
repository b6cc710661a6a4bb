"""Amazon Bedrock's wire format (Converse, ConverseStream, InvokeModel for embeddings, Rerank, the list of models).

A stand-in that speaks the documented format, not the vendor. It holds every Converse and Rerank request against
Bedrock's own service models (in botocore), verifies the SigV4 signature with the secret below, and answers in real
event-stream frames with their checksums. Needs the extra `bedrock`.
"""

import binascii
import re
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import unquote

import msgspec

from pilothouse.testing.judging import relevance
from pilothouse.testing.openai_server import vector
from pilothouse.testing.server import WireServer
from pilothouse.testing.wire import Answer, Fault, Heard, Received, Refusal, ToolCall, Turn, pieces
from pilothouse.types import Json, Usage

__all__ = ["ACCESS_KEY", "API_KEY", "REGION", "SECRET_KEY", "SIGNATURE", "BedrockServer", "frame"]

ACCESS_KEY, SECRET_KEY = "AKIAWIREWIREWIREWIRE", "wire/secret/key/of/forty/characters/0123"
API_KEY = "bedrock-api-key-wire"
REGION = "eu-central-1"
SIGNATURE = "ErUBCkYIAhgCIkA1OaSig="
"""What signs every reasoning block; the server refuses a block that comes back with another."""

_PATH = re.compile(r"^/model/(?P<model>[^/]+)/(?P<method>converse|converse-stream|invoke)$")
_AUTH = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[A-Z0-9]+)/(?P<scope>\d{8}/[a-z0-9-]+/bedrock/aws4_request), "
    r"SignedHeaders=(?P<signed>[a-z0-9;-]+), Signature=(?P<signature>[0-9a-f]{64})"
)
_SKEW = timedelta(minutes=5)
_STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "content_filtered"}
_FAILURES: dict[str, tuple[int, str, str]] = {
    "rate_limit": (429, "ThrottlingException", "Too many tokens, please wait before trying again."),
    "auth": (403, "UnrecognizedClientException", "The security token included in the request is invalid."),
    "forbidden": (403, "AccessDeniedException", "You don't have access to the model with the specified model ID."),
    "context_length": (400, "ValidationException", "Input is too long for requested model."),
    "unknown_model": (400, "ValidationException", "The provided model identifier is invalid."),
    "content_filter": (400, "ValidationException", "Output blocked by content filtering policy"),
    "server_error": (500, "InternalServerException", "The system encountered an unexpected error."),
    "overloaded": (503, "ServiceUnavailableException", "Bedrock is unable to process your request."),
}


class BedrockServer(WireServer):
    """Speaks as bedrock-runtime, bedrock-agent-runtime and bedrock of one region; reranks in pages of `page`.

    Words for `finish_reason` that are not OpenAI's, such as `guardrail_intervened`, are said as they are.
    """

    page = 1000
    stream_type = "application/vnd.amazon.eventstream"

    def hear(self, got: Received) -> Heard:
        _check_signature(got)
        if (got.method, got.path) == ("GET", "/foundation-models"):
            return Heard("models", "")
        if (got.method, got.path) == ("POST", "/rerank"):
            _check_shape("bedrock-agent-runtime", "Rerank", got.body)
            return _hear_rerank(got.body)
        match = _PATH.match(got.target)
        if match is None or got.method != "POST":
            raise Refusal(f"unknown operation: {got.method} {got.target}", "unknown_model")
        model = unquote(match.group("model"))
        if match.group("method") == "invoke":
            return _hear_embeddings(got.body, Heard("embeddings", model))
        _check_shape("bedrock-runtime", "Converse", {"modelId": model, **got.body})
        return _hear_chat(got.body, Heard("chat", model, match.group("method") == "converse-stream"))

    def whole(self, heard: Heard, answer: Answer) -> Json:
        if heard.operation == "models":
            return {"modelSummaries": [{"modelId": "wire.large-v1:0"}, {"modelId": "wire.small-v1:0"}]}
        if heard.operation == "rerank":
            return self._reranked(heard)
        if heard.operation == "embeddings":
            rows = [vector(text) for text in heard.inputs]
            if "titan" not in heard.model:
                return {"id": "wire", "response_type": "embeddings_by_type", "embeddings": {"float": rows}}
            return {"embedding": rows[0], "inputTextTokenCount": answer.usage.input_tokens if answer.usage else None}
        body: Json = {
            "output": {"message": {"role": "assistant", "content": _blocks(answer)}},
            "stopReason": _STOPS.get(answer.finish_reason, answer.finish_reason),
            "metrics": {"latencyMs": 12},
        }
        return body if answer.usage is None else {**body, "usage": _usage(answer.usage)}

    def _reranked(self, heard: Heard) -> Json:
        body = self.last.body
        wanted = body["rerankingConfiguration"]["bedrockRerankingConfiguration"].get("numberOfResults", 1000)
        query = body["queries"][0]["textQuery"]["text"]
        rows = sorted(((relevance(query, text), -at) for at, text in enumerate(heard.inputs)), reverse=True)[:wanted]
        begin = int(body.get("nextToken") or 0)
        results = [{"index": -at, "relevanceScore": score} for score, at in rows[begin : begin + self.page]]
        more = begin + self.page < len(rows)
        return {"results": results, **({"nextToken": str(begin + self.page)} if more else {})}

    def success_headers(self, heard: Heard, answer: Answer) -> dict[str, str]:
        """InvokeModel counts in headers."""
        counts = heard.operation == "embeddings" and answer.usage is not None
        return {"x-amzn-bedrock-input-token-count": str(answer.usage.input_tokens)} if counts and answer.usage else {}

    def frames(self, heard: Heard, answer: Answer) -> list[bytes]:
        events: list[tuple[str, Json]] = [("messageStart", {"role": "assistant"})]
        for index, block in enumerate(_blocks(answer)):
            events += _block_events(index, block)
        events.append(("messageStop", {"stopReason": _STOPS.get(answer.finish_reason, answer.finish_reason)}))
        if answer.usage is not None:
            events.append(("metadata", {"usage": _usage(answer.usage), "metrics": {"latencyMs": 12}}))
        return [frame(name, payload) for name, payload in events]

    def failure(self, fault: Fault, message: str, answer: Answer) -> tuple[int, Json]:
        status, _, words = _FAILURES.get(fault, (400, "", message))
        text = words if answer.fault == fault else message
        return status, {"Message" if fault in ("auth", "forbidden") else "message": text}

    def failure_headers(self, answer: Answer) -> dict[str, str]:
        kind = _FAILURES.get(answer.fault or "", (400, "ValidationException", ""))[1]
        return {"x-amzn-errortype": f"{kind}:http://internal.amazon.com/", **super().failure_headers(answer)}

    def error_frame(self) -> bytes:
        return frame("serviceUnavailableException", {"message": "Bedrock is unable to process your request."})


def frame(name: str, payload: Json) -> bytes:
    """A message of an event stream: prelude and its CRC, headers, payload, CRC of it all."""
    kind = "exception" if name.endswith("Exception") else "event"
    named = {f":{kind}-type": name, ":content-type": "application/json", ":message-type": kind}
    headers = b"".join(
        struct.pack(f"!B{len(key)}sBH", len(key), key.encode(), 7, len(value)) + value.encode()
        for key, value in named.items()
    )
    body = msgspec.json.encode(payload)
    prelude = struct.pack("!II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack("!I", binascii.crc32(prelude)) + headers + body
    return message + struct.pack("!I", binascii.crc32(message))


@cache
def _input_shape(service: str, operation: str) -> Any:
    from botocore.session import Session  # noqa: PLC0415

    return Session().get_service_model(service).operation_model(operation).input_shape


def _check_shape(service: str, operation: str, params: Json) -> None:
    """Hold a request against Bedrock's service model: names, types, required members."""
    from botocore.validate import ParamValidator  # noqa: PLC0415

    report = ParamValidator().validate(params, _input_shape(service, operation))
    if report.has_errors():
        raise Refusal(report.generate_report())


def _check_signature(got: Received) -> None:
    from botocore.auth import SigV4Auth  # noqa: PLC0415
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.credentials import ReadOnlyCredentials  # noqa: PLC0415

    given = got.headers.get("authorization", "")
    if given == f"Bearer {API_KEY}":
        return
    match = _AUTH.fullmatch(given)
    if match is None or match.group("key") != ACCESS_KEY:
        raise Refusal("The security token included in the request is invalid.", "auth")
    signed = match.group("signed").split(";")
    stamp = got.headers.get("x-amz-date", "")
    if not {"host", "x-amz-date"} <= set(signed) or match.group("scope")[:8] != stamp[:8]:
        raise Refusal("Authorization header does not sign 'Host' and 'X-Amz-Date'.", "auth")
    if abs(datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) - datetime.now(UTC)) > _SKEW:
        raise Refusal("Signature expired", "auth")
    request = AWSRequest(
        method=got.method,
        url=f"http://{got.headers['host']}{got.target}",
        data=got.raw,
        headers={name: got.headers[name] for name in signed},
    )
    request.context["timestamp"] = stamp
    auth = SigV4Auth(ReadOnlyCredentials(ACCESS_KEY, SECRET_KEY, None), "bedrock", REGION)
    expected = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    if expected != match.group("signature"):
        raise Refusal("The request signature we calculated does not match the signature you provided.", "auth")


def _hear_rerank(body: Json) -> Heard:
    arn = body["rerankingConfiguration"]["bedrockRerankingConfiguration"]["modelConfiguration"]["modelArn"]
    if not arn.startswith(f"arn:aws:bedrock:{REGION}:"):
        raise Refusal(f"The provided model identifier is invalid: {arn}", "unknown_model")
    texts = [source["inlineDocumentSource"]["textDocument"]["text"] for source in body["sources"]]
    return Heard("rerank", arn.rpartition("/")[2], inputs=texts)


def _hear_embeddings(body: Json, heard: Heard) -> Heard:
    heard.inputs = [body["inputText"]] if "titan" in heard.model else body["texts"]
    if "titan" not in heard.model and ("input_type" not in body or len(heard.inputs) > 96):
        raise Refusal("Malformed input request: required key [input_type], at most 96 texts")
    return heard


def _hear_chat(body: Json, heard: Heard) -> Heard:
    heard.system = "\n".join(block["text"] for block in body.get("system") or () if "text" in block)
    for at, message in enumerate(body.get("messages") or ()):
        _hear_message(f"messages.{at}", message, heard)
    config = body.get("toolConfig")
    for tool in (config or {}).get("tools") or ():
        if "toolSpec" in tool:
            heard.tools[tool["toolSpec"]["name"]] = tool["toolSpec"]["inputSchema"]["json"]
    if config is None and any(turn.calls or turn.results for turn in heard.turns):
        raise Refusal("The toolConfig field must be defined when using toolUse and toolResult content blocks.")
    for name, value in ((config or {}).get("toolChoice") or {}).items():
        heard.tool_choice = value["name"] if name == "tool" else {"any": "required"}.get(name, name)
    inference = body.get("inferenceConfig") or {}
    heard.max_tokens, heard.temperature = inference.get("maxTokens"), inference.get("temperature")
    heard.stop = inference.get("stopSequences") or []
    wanted = (body.get("outputConfig") or {}).get("textFormat")
    if wanted is not None:
        heard.schema = msgspec.json.decode(wanted["structure"]["jsonSchema"]["schema"])
        if heard.schema is None or heard.schema.pop("additionalProperties", None) is not False:
            raise Refusal("For 'object' type, 'additionalProperties' must be explicitly set to false")
    return heard


def _hear_message(where: str, message: Json, heard: Heard) -> None:
    if heard.turns and heard.turns[-1].role == message["role"]:
        raise Refusal("A conversation must alternate between user and assistant roles.")
    if not heard.turns and message["role"] != "user":
        raise Refusal("A conversation must start with a user message.")
    turn = Turn(message["role"])
    if not message["content"]:
        raise Refusal(f"The content field in the Message object at {where} is empty.")
    for block in message["content"]:
        _hear_block(where, block, turn)
    asked = {call.id for call in heard.turns[-1].calls} if heard.turns else set()
    if {at for at, _ in turn.results} != asked:
        raise Refusal("The number of toolResult blocks exceeds or misses the toolUse blocks of the previous turn.")
    heard.turns.append(turn)


def _hear_block(where: str, block: Json, turn: Turn) -> None:
    match block:
        case {"text": text}:
            if not text.strip():
                raise Refusal(f"The text field in the ContentBlock object at {where} is blank.")
            turn.text += text
        case {"image": {"format": kind, "source": {"bytes": data}}}:
            turn.images.append(f"data:image/{kind};base64,{data}")
        case {"toolUse": use}:
            turn.calls.append(ToolCall(use["toolUseId"], use["name"], use["input"]))
        case {"toolResult": result}:
            if result.get("status") == "error" and not result["content"]:
                raise Refusal(f"The content field at {where}.toolResult cannot be empty when status value is error.")
            texts = [part["text"] for part in result["content"] if "text" in part]
            turn.results.append((result["toolUseId"], "\n".join(texts)))
        case {"reasoningContent": {"reasoningText": said}} if said.get("signature") != SIGNATURE:
            raise Refusal(f"{where}: Invalid `signature` in `thinking` block")


def _usage(usage: Usage) -> Json:
    """Input apart from what was read from and written to the cache, as Bedrock counts."""
    return {
        "inputTokens": usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens,
        "outputTokens": usage.output_tokens,
        "totalTokens": usage.input_tokens + usage.output_tokens,
        "cacheReadInputTokens": usage.cached_tokens,
        "cacheWriteInputTokens": usage.cache_write_tokens,
    }


def _blocks(answer: Answer) -> list[Json]:
    blocks: list[Json] = []
    if answer.reasoning:
        said = {"text": answer.reasoning, "signature": SIGNATURE}
        blocks.append({"reasoningContent": {"reasoningText": said}})
    if answer.text:
        blocks.append({"text": answer.text})
    calls = answer.tool_calls
    return blocks + [{"toolUse": {"toolUseId": call.id, "name": call.name, "input": call.arguments}} for call in calls]


def _block_events(index: int, block: Json) -> Iterator[tuple[str, Json]]:
    deltas: list[Json] = []
    if "toolUse" in block:
        use = block["toolUse"]
        start = {"toolUse": {"toolUseId": use["toolUseId"], "name": use["name"]}}
        yield "contentBlockStart", {"start": start, "contentBlockIndex": index}
        written = msgspec.json.encode(use["input"]).decode() if use["input"] else ""
        half = len(written) // 2
        deltas = [{"toolUse": {"input": part}} for part in (written[:half], written[half:])]
    elif "reasoningContent" in block:
        said = block["reasoningContent"]["reasoningText"]
        deltas = [{"reasoningContent": {"text": piece}} for piece in pieces(said["text"])]
        deltas.append({"reasoningContent": {"signature": said["signature"]}})
    else:
        deltas = [{"text": piece} for piece in pieces(block["text"])]
    for delta in deltas:
        yield "contentBlockDelta", {"delta": delta, "contentBlockIndex": index}
    yield "contentBlockStop", {"contentBlockIndex": index}
