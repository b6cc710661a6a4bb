"""A translated Messages request, fitted to the model that is to answer it. Knows nothing of the translation itself.

Claude Code asks any model for what its own can do; these are the places where others would refuse the whole call.
"""

import re
from typing import Any

from pilothouse.types import ChatRequest, Json

__all__ = ["fitted"]

_THINKS = re.compile(
    r"\bo\d|gpt-[5-9]|gpt-oss|codex|claude|gemini-(2\.5|[3-9])|command-a-(reasoning|plus)|nova-[2-9]|magistral"
)
"""Models known to take a `reasoning_effort`. It is a hint, and others answer 400 to it (OpenAI's gpt-4o, Groq's
llama), so it goes to no model that is not known to read it."""
_COMPLETION_LIMIT = re.compile(r"(^|/)(o\d|gpt-[5-9])")
"""OpenAI's reasoning models refuse `max_tokens`; most compatible servers know no other name."""
_OPENAI_EFFORTS = {"max": "high", "xhigh": "high"}  # few of its models know these two
_VENDORS = ("thinking_blocks", "reasoning_content", "is_error", "cache_control")


def fitted(chat: ChatRequest, *, plain: bool) -> ChatRequest:
    """The chat to send. `plain` is for providers that forward it as it is, to servers that know OpenAI's fields alone:
    marks and thinking of other vendors are taken out, and a failed tool's result says so in words."""
    body = dict(chat.body)
    if "reasoning_effort" in body and not _THINKS.search(body["model"]):
        del body["reasoning_effort"]
    if not plain:
        return ChatRequest(body)
    if effort := body.get("reasoning_effort"):
        body["reasoning_effort"] = _OPENAI_EFFORTS.get(effort, effort)
    if "max_tokens" in body and _COMPLETION_LIMIT.search(body["model"]):
        body["max_completion_tokens"] = body.pop("max_tokens")
    body["messages"] = [_plain_message(message) for message in body["messages"]]
    if "tools" in body:
        body["tools"] = [_without_marks(tool) for tool in body["tools"]]
    return ChatRequest(body)


def _plain_message(message: Json) -> Json:
    content, calls = message.get("content"), message.get("tool_calls")
    plain = {name: value for name, value in message.items() if name not in _VENDORS}
    if message.get("is_error"):
        plain["content"] = _failed(str(content))
    elif isinstance(content, list):
        plain["content"] = _plain_parts(content)
    if calls:
        plain["tool_calls"] = [_without_marks(call) for call in calls]
    return plain


def _plain_parts(parts: list[Json]) -> Any:
    plain = [_without_marks(part) for part in parts]
    return plain[0]["text"] if len(plain) == 1 and plain[0]["type"] == "text" else plain


def _without_marks(part: Json) -> Json:
    return {name: value for name, value in part.items() if name != "cache_control"} if "cache_control" in part else part


def _failed(text: str) -> str:
    """The result of a tool that failed: OpenAI has no field for it."""
    return text if "error" in text[:32].lower() else f"Error: {text}"
