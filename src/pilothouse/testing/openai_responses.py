"""OpenAI's Responses wire format, as api.openai.com documents it: requests heard, response objects and event streams.

Written from https://platform.openai.com/docs/api-reference/responses and responses-streaming. Refuses fields and items
that the format does not have.
"""

from typing import Any

import msgspec

from pilothouse.testing.wire import Answer, Heard, Refusal, ToolCall, Turn, pieces
from pilothouse.types import Json, Usage

__all__ = ["error_event", "hear_response", "response_body", "response_frames"]

_FIELDS = frozenset({
    "background", "conversation", "include", "input", "instructions", "max_output_tokens", "max_tool_calls",
    "metadata", "model", "parallel_tool_calls", "previous_response_id", "prompt", "prompt_cache_key",
    "prompt_cache_retention", "reasoning", "safety_identifier", "service_tier", "store", "stream", "stream_options",
    "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user",
})  # fmt: skip
_ITEMS = {
    "message": {"id", "type", "role", "content", "status", "phase"},
    "function_call": {"id", "type", "call_id", "name", "arguments", "status"},
    "function_call_output": {"id", "type", "call_id", "output", "status"},
    "custom_tool_call": {"id", "type", "call_id", "name", "input", "status"},
    "custom_tool_call_output": {"id", "type", "call_id", "output", "status"},
    "reasoning": {"id", "type", "summary", "content", "encrypted_content", "status"},
}
_TOOLS = ("function", "custom", "web_search", "file_search", "code_interpreter", "mcp", "image_generation")


def hear_response(body: Json, heard: Heard) -> Heard:
    """Understand `POST /v1/responses`. Raises Refusal."""
    if unknown := body.keys() - _FIELDS:
        raise Refusal(f"Unknown parameter: '{min(unknown)}'.")
    if body.get("previous_response_id") is not None:
        raise Refusal(f"Previous response with id '{body['previous_response_id']}' not found.")
    given = body.get("input")
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    if not items:
        raise Refusal("Missing required parameter: 'input'.")
    heard.system = body.get("instructions") or ""
    for at, item in enumerate(items):
        _hear_item(item, f"input[{at}]", heard)
    for at, tool in enumerate(body.get("tools") or ()):
        if tool.get("type") not in _TOOLS:
            raise Refusal(f"Invalid value: '{tool.get('type')}' at tools[{at}].type")
        heard.tools[tool.get("name") or tool["type"]] = tool.get("parameters") or {}
    choice = body.get("tool_choice")
    heard.tool_choice = choice.get("name") if isinstance(choice, dict) else choice
    form = (body.get("text") or {}).get("format") or {}
    heard.schema = form["schema"] if form.get("type") == "json_schema" else None
    heard.max_tokens = body.get("max_output_tokens")
    heard.temperature = body.get("temperature")
    return heard


def response_body(heard: Heard, answer: Answer, asked: Json, identity: str) -> Json:
    """The response object at its end; `asked` is the request's body."""
    cut = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(answer.finish_reason)
    status = "completed" if cut is None else "incomplete"
    return {
        **_frame_of(heard, answer, asked, identity), "status": status, "output": _output(answer, status),
        "incomplete_details": cut and {"reason": cut},
        "usage": None if answer.usage is None else _usage(answer.usage),
    }  # fmt: skip


def response_frames(heard: Heard, answer: Answer, asked: Json, identity: str) -> list[bytes]:
    """The frames of a streamed response."""
    begun = {**_frame_of(heard, answer, asked, identity), "status": "in_progress", "output": [], "usage": None}
    events: list[Json] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
    ]
    whole = response_body(heard, answer, asked, identity)
    for index, item in enumerate(whole["output"]):
        events += _item_events(index, item)
    events.append({"type": f"response.{whole['status']}", "response": whole})
    return [_frame({**event, "sequence_number": n}) for n, event in enumerate(events)]


def error_event() -> bytes:
    """The event by which OpenAI tells of an error in the middle of a stream."""
    message = "The server had an error."
    return _frame({"type": "error", "code": "server_error", "message": message, "param": None, "sequence_number": 99})


def _hear_item(item: Json, where: str, heard: Heard) -> None:
    kind = item.get("type", "message")
    if kind not in _ITEMS:
        raise Refusal(f"Invalid value: '{kind}' at {where}.type")
    if unknown := item.keys() - _ITEMS[kind]:
        raise Refusal(f"Unknown parameter: '{where}.{min(unknown)}'.")
    if kind == "message":
        _hear_message(item, where, heard)
    elif kind in ("function_call", "custom_tool_call"):
        arguments = msgspec.json.decode(item["arguments"]) if kind == "function_call" else {"input": item["input"]}
        heard.turns.append(Turn("assistant", calls=[ToolCall(item["call_id"], item["name"], arguments)]))
    elif kind != "reasoning":
        if item["call_id"] not in {call.id for turn in heard.turns for call in turn.calls}:
            raise Refusal(f"No tool call found for function call output with call_id {item['call_id']}.")
        heard.turns.append(Turn("tool", results=[(item["call_id"], _text(item["output"]))]))


def _hear_message(item: Json, where: str, heard: Heard) -> None:
    role, content = item.get("role"), item.get("content")
    if role not in ("user", "assistant", "system", "developer"):
        raise Refusal(f"Invalid value: '{role}' at {where}.role")
    for part in content if isinstance(content, list) else ():
        allowed = ("output_text", "refusal") if role == "assistant" else ("input_text", "input_image", "input_file")
        if part.get("type") not in allowed:
            raise Refusal(f"Invalid value: '{part.get('type')}' in {where}.content")
        if any(a.keys() - {"type", "file_id", "filename", "index"} for a in part.get("annotations") or ()):
            raise Refusal(f"Unknown parameter in {where}.content.annotations")
    if role in ("system", "developer"):
        heard.system += _text(content)
        return
    images = [p["image_url"] for p in content if p.get("type") == "input_image"] if isinstance(content, list) else []
    heard.turns.append(Turn("user" if role == "user" else "assistant", _text(content), images))


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text") or "" for part in content if part.get("type") in ("input_text", "output_text"))


def _frame_of(heard: Heard, answer: Answer, asked: Json, identity: str) -> Json:
    echoed: Json = {
        "instructions": None, "metadata": {}, "parallel_tool_calls": True, "temperature": 1.0, "tool_choice": "auto",
        "tools": [], "top_p": 1.0, "max_output_tokens": None, "truncation": "disabled", "store": True,
        "text": {"format": {"type": "text"}}, "reasoning": {"effort": None, "summary": None}, "user": None,
    }  # fmt: skip
    return {
        "id": identity, "object": "response", "created_at": 1700000000, "model": answer.model or heard.model,
        "error": None, "incomplete_details": None, "previous_response_id": None, "background": False,
        **{name: asked.get(name) or default for name, default in echoed.items()},
    }  # fmt: skip


def _output(answer: Answer, status: str) -> list[Json]:
    output: list[Json] = []
    if answer.reasoning:
        summary = [{"type": "summary_text", "text": answer.reasoning}]
        output.append({"id": "rs_wire", "type": "reasoning", "summary": summary})
    if answer.text:
        part = {"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}
        output.append(
            {"id": "msg_wire", "type": "message", "status": status, "role": "assistant", "content": [part]}
        )  # fmt: skip
    for n, call in enumerate(answer.tool_calls):
        arguments = msgspec.json.encode(call.arguments).decode()
        output.append(
            {"id": f"fc_wire{n}", "type": "function_call", "status": "completed", "call_id": call.id,
             "name": call.name, "arguments": arguments}
        )  # fmt: skip
    return output


def _item_events(index: int, item: Json) -> list[Json]:
    """The events of one item, from its empty beginning to its end."""
    at = {"item_id": item["id"], "output_index": index}
    empty: Json = {"message": {"content": [], "status": "in_progress"}, "reasoning": {"summary": []}}
    begun = {**item, **empty.get(item["type"], {"arguments": "", "status": "in_progress"})}
    events: list[Json] = [{"type": "response.output_item.added", "output_index": index, "item": begun}]
    if item["type"] == "message":
        part, place = item["content"][0], {**at, "content_index": 0}
        events.append({"type": "response.content_part.added", **place, "part": {**part, "text": ""}})
        deltas = pieces(part["text"])
        events += [{"type": "response.output_text.delta", **place, "delta": d, "logprobs": []} for d in deltas]
        events.append({"type": "response.output_text.done", **place, "text": part["text"], "logprobs": []})
        events.append({"type": "response.content_part.done", **place, "part": part})
    elif item["type"] == "reasoning":
        part, place = item["summary"][0], {**at, "summary_index": 0}
        events.append({"type": "response.reasoning_summary_part.added", **place, "part": {**part, "text": ""}})
        deltas = pieces(part["text"])
        events += [{"type": "response.reasoning_summary_text.delta", **place, "delta": d} for d in deltas]
        events.append({"type": "response.reasoning_summary_text.done", **place, "text": part["text"]})
        events.append({"type": "response.reasoning_summary_part.done", **place, "part": part})
    else:
        half = len(item["arguments"]) // 2
        deltas = [item["arguments"][:half], item["arguments"][half:]]
        events += [{"type": "response.function_call_arguments.delta", **at, "delta": d} for d in deltas]
        events.append({"type": "response.function_call_arguments.done", **at, "arguments": item["arguments"]})
    return [*events, {"type": "response.output_item.done", "output_index": index, "item": item}]


def _usage(usage: Usage) -> Json:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_tokens, "cache_write_tokens": usage.cache_write_tokens
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }  # fmt: skip


def _frame(event: Json) -> bytes:
    return f"event: {event['type']}\n".encode() + b"data: " + msgspec.json.encode(event) + b"\n\n"
