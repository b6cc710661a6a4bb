"""Cohere's v2 wire format (chat, embed, rerank) and its list of models, as a stand-in that speaks it; not the vendor.

Written from https://docs.cohere.com/reference (v2): the events of a stream and their order, counts as floats, billed
units apart from tokens. Refuses what the format does not allow.
"""

from typing import Any

import msgspec

from pilothouse.testing.judging import reranked
from pilothouse.testing.openai_server import vector
from pilothouse.testing.server import WireServer
from pilothouse.testing.wire import Answer, Fault, Heard, Received, Refusal, ToolCall, Turn, pieces
from pilothouse.types import Json, Usage

__all__ = ["PREAMBLE_TOKENS", "CohereServer"]

PREAMBLE_TOKENS = 66
"""Tokens of Cohere's own preamble, counted but not billed."""

_FINISH = {"stop": "COMPLETE", "length": "MAX_TOKENS", "tool_calls": "TOOL_CALL"}
_FAILURES: dict[str, tuple[int, str]] = {
    "rate_limit": (429, "You are past the per minute request limit, please wait and try again later."),
    "auth": (401, "invalid api token"),
    "forbidden": (403, "your API key does not have access to this resource"),
    "context_length": (
        400,
        "too many tokens: total number of tokens in the prompt cannot exceed 128000 - received 130122.",
    ),
    "unknown_model": (404, "model 'wire' not found, make sure the correct model ID was used"),
    "server_error": (500, "internal server error"),
    "overloaded": (503, "service unavailable"),
}


class CohereServer(WireServer):
    """Speaks as api.cohere.com. Any API key will do, none will not.

    Reasoning is a thinking part, or with tool calls a tool plan. Words for `finish_reason` that are not OpenAI's, such
    as `TIMEOUT`, are said as they are.
    """

    def hear(self, got: Received) -> Heard:
        if not got.headers.get("authorization", "").removeprefix("Bearer "):
            raise Refusal("no api key supplied", "auth")
        match got.method, got.path:
            case "GET", "/v1/models":
                return Heard("models", "")
            case "POST", "/v2/embed":
                return self._hear_embed(got.body)
            case "POST", "/v2/rerank":
                return self._hear_rerank(got.body)
            case "POST", "/v2/chat":
                return self._hear_chat(got.body)
        raise Refusal("404 page not found", "unknown_model")

    def whole(self, heard: Heard, answer: Answer) -> Json:
        if heard.operation == "models":
            return self._models()
        if heard.operation == "embeddings":
            body: Json = {"id": "wire", "embeddings": {"float": [vector(text) for text in heard.inputs]}}
            usage = answer.usage
            return body if usage is None else {**body, "meta": {"billed_units": {"input_tokens": usage.input_tokens}}}
        if heard.operation == "rerank":
            return self._reranked(answer)
        message: Json = {"role": "assistant"}
        if answer.reasoning and answer.tool_calls:
            message["tool_plan"] = answer.reasoning
        if parts := _parts(answer):
            message["content"] = parts
        if answer.tool_calls:
            message["tool_calls"] = [_call(call) for call in answer.tool_calls]
        return {"id": "wire", "message": message, **_end(answer)}

    def frames(self, heard: Heard, answer: Answer) -> list[bytes]:
        start = {"message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}}
        events: list[Json] = [{"id": "wire", "type": "message-start", "delta": start}]
        if answer.reasoning and answer.tool_calls:
            events += [_event("tool-plan-delta", tool_plan=piece) for piece in pieces(answer.reasoning)]
        for index, part in enumerate(_parts(answer)):
            kind = part["type"]
            events.append({**_event("content-start", content={"type": kind, kind: ""}), "index": index})
            events += [
                {**_event("content-delta", content={kind: piece}), "index": index} for piece in pieces(part[kind])
            ]
            events.append({"type": "content-end", "index": index})
        for index, call in enumerate(answer.tool_calls):
            events += [{**event, "index": index} for event in _call_events(call)]
        events.append({"type": "message-end", "delta": _end(answer)})
        return [*(_frame(event) for event in events), b"data: [DONE]\n\n"]

    def failure(self, fault: Fault, message: str, answer: Answer) -> tuple[int, Json]:
        status, words = _FAILURES.get(fault, (400, f"invalid request: {message}"))
        return status, {"id": "wire", "message": words if answer.fault == fault else message}

    def error_frame(self) -> bytes:
        delta = {"finish_reason": "ERROR", "error": "the model is overloaded"}
        return _frame({"type": "message-end", "delta": delta})

    def _models(self) -> Json:
        """Two pages of one model each."""
        if self.last.query.get("page_token") == "more/of it":
            return {"models": [{"name": "wire-small", "endpoints": ["embed"]}]}
        return {"models": [{"name": "wire-large", "endpoints": ["chat"]}], "next_page_token": "more/of it"}

    def _hear_embed(self, body: Json) -> Heard:
        if body.get("input_type") not in ("search_document", "search_query", "classification", "clustering"):
            raise Refusal("valid input_type must be provided with the provided model")
        if len(body["texts"]) > 96:
            raise Refusal("at most 96 texts can be embedded at once")
        if body.get("embedding_types") != ["float"]:
            raise Refusal("this server makes float embeddings alone")
        return Heard("embeddings", body["model"], inputs=body["texts"])

    def _hear_rerank(self, body: Json) -> Heard:
        unknown = body.keys() - {"model", "query", "documents", "top_n", "max_tokens_per_doc", "priority"}
        if unknown or not all(isinstance(text, str) for text in body["documents"]):
            raise Refusal(f"invalid request: documents must be strings, unknown fields {sorted(unknown)}")
        return Heard("rerank", body["model"], inputs=body["documents"])

    def _reranked(self, answer: Answer) -> Json:
        """Without the documents; billed by search units of 100 of them."""
        whole = reranked(self.last.body, Answer(usage=None))
        results = [{"index": row["index"], "relevance_score": row["relevance_score"]} for row in whole["results"]]
        units = -(-len(self.last.body["documents"]) // 100)
        meta: Json = {"api_version": {"version": "2"}, "billed_units": {"search_units": float(units)}}
        return {"id": "wire", "results": results, **({} if answer.usage is None else {"meta": meta})}

    def _hear_chat(self, body: Json) -> Heard:
        heard = Heard("chat", body["model"], body.get("stream") is True)
        for at, message in enumerate(body.get("messages") or ()):
            self._hear_message(f"messages[{at}]", message, heard)
        for tool in body.get("tools") or ():
            heard.tools[tool["function"]["name"]] = tool["function"]["parameters"]
        choice = body.get("tool_choice")
        if choice not in (None, "REQUIRED", "NONE") or (choice is not None and not heard.tools):
            raise Refusal("tool_choice must be REQUIRED or NONE, and needs tools")
        heard.tool_choice = choice.lower() if choice else "auto"
        wanted = body.get("response_format") or {}
        if wanted and heard.tools:
            raise Refusal("response_format is not supported with tools")
        heard.schema = wanted.get("json_schema")
        heard.max_tokens, heard.temperature = body.get("max_tokens"), body.get("temperature")
        heard.stop = body.get("stop_sequences") or []
        return heard

    def _hear_message(self, where: str, message: Json, heard: Heard) -> None:
        content = message.get("content") or []
        parts: list[Json] = [{"type": "text", "text": content}] if isinstance(content, str) else content
        text = "".join(part["text"] for part in parts if part["type"] == "text")
        match message.get("role"):
            case "system":
                heard.system += text
            case "tool":
                if message["tool_call_id"] not in {call.id for turn in heard.turns for call in turn.calls}:
                    raise Refusal(f"{where}: tool_call_id not found in a previous tool call")
                heard.turns.append(Turn("tool", results=[(message["tool_call_id"], text)]))
            case "user" | "assistant" as role:
                if not (parts or message.get("tool_calls")):
                    raise Refusal(f"{where}: must have non-empty content or tool calls")
                turn = Turn(role, text, [part["image_url"]["url"] for part in parts if part["type"] == "image_url"])
                for call in message.get("tool_calls") or ():
                    arguments = msgspec.json.decode(call["function"]["arguments"])
                    turn.calls.append(ToolCall(call["id"], call["function"]["name"], arguments))
                heard.turns.append(turn)
            case unknown:
                raise Refusal(f"{where}: invalid role: {unknown}")


def _parts(answer: Answer) -> list[Json]:
    parts: list[Json] = []
    if answer.reasoning and not answer.tool_calls:
        parts.append({"type": "thinking", "thinking": answer.reasoning})
    return [*parts, {"type": "text", "text": answer.text}] if answer.text else parts


def _call(call: ToolCall) -> Json:
    arguments = msgspec.json.encode(call.arguments).decode()
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _event(kind: str, **message: Any) -> Json:
    return {"type": kind, "delta": {"message": message}}


def _call_events(call: ToolCall) -> list[Json]:
    whole = _call(call)
    written = whole["function"]["arguments"]
    whole["function"]["arguments"] = ""
    half = len(written) // 2
    deltas = [
        _event("tool-call-delta", tool_calls={"function": {"arguments": part}})
        for part in (written[:half], written[half:])
    ]
    return [_event("tool-call-start", tool_calls=whole), *deltas, {"type": "tool-call-end"}]


def _end(answer: Answer) -> Json:
    end: Json = {"finish_reason": _FINISH.get(answer.finish_reason, answer.finish_reason)}
    return end if answer.usage is None else {**end, "usage": _usage(answer.usage)}


def _usage(usage: Usage) -> Json:
    billed = {"input_tokens": float(usage.input_tokens), "output_tokens": float(usage.output_tokens)}
    counted = {**billed, "input_tokens": billed["input_tokens"] + PREAMBLE_TOKENS}
    return {"billed_units": billed, "tokens": counted, "cached_tokens": float(usage.cached_tokens)}


def _frame(event: Json) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (event["type"].encode(), msgspec.json.encode(event))
