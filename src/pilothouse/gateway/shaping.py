"""What a route does to a request before it is sent: shorter, within limits, cheaper. Says what it saved.

Works on the chat form. The messages of a dialect that goes to a provider of its own are not rewritten, since they may
be signed; limits on the output hold in every dialect. Pure functions; calls no model.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from pilothouse.config import ModelConfig, OutputPolicy, Shaping
from pilothouse.gateway.compress import extract, question_in, tidied
from pilothouse.gateway.meter import CHARS_PER_TOKEN, estimate_tokens
from pilothouse.types import ChatRequest, Json, text_of

__all__ = ["Shaped", "shaped"]

_BRIEF = "Answer as briefly as the question allows: no introduction, no repetition, no closing remarks."
_LONG_TEXT = 1200  # characters: only longer texts are worth an extract
_LIMIT_NAMES = {"messages": ("max_tokens",), "responses": ("max_output_tokens",)}
_CHAT_LIMITS = ("max_completion_tokens", "max_tokens")


class Shaped(NamedTuple):
    """The request to send, and about how many input tokens it is shorter by (4 characters count as one)."""

    request: ChatRequest
    saved_tokens: int = 0


def shaped(request: ChatRequest, model: ModelConfig, prefixed: Callable[[ChatRequest], ChatRequest]) -> Shaped:
    """Apply the policies of an alias. `prefixed` orders a request for the provider's prompt cache."""
    request = _bounded(request, model.output)
    if request.operation != "chat":
        return Shaped(request)
    before = request.messages
    messages = _compressed(before, model.shaping)
    if model.output.brief:
        messages = _with_system(messages, _BRIEF)
    saved = 0
    if messages is not before:
        saved = max(0, _size(before) - _size(messages)) // CHARS_PER_TOKEN
        request = request.edited(messages=messages)
    return Shaped(prefixed(request) if model.shaping.prefix else request, saved)


def _bounded(request: ChatRequest, policy: OutputPolicy) -> ChatRequest:
    if policy.default is None and policy.cap is None:
        return request
    names = _LIMIT_NAMES.get(request.operation, _CHAT_LIMITS)
    asked = {name: tokens for name in names if (tokens := request.body.get(name)) is not None} or {names[-1]: None}
    wanted = {name: _within(policy, tokens) for name, tokens in asked.items()}
    if wanted == asked:
        return request
    translated = request.translated and request.translated.edited(max_tokens=max(wanted.values()))
    return replace(request, body={**request.body, **wanted}, translated=translated)


def _within(policy: OutputPolicy, asked: int | None) -> int:
    """What is not positive asks for no limit at some servers: it is treated like none."""
    wanted = asked if asked is not None and asked > 0 else policy.default or policy.cap or 1
    return wanted if policy.cap is None else min(wanted, policy.cap)


def _compressed(messages: list[Json], shaping: Shaping) -> list[Json]:
    if shaping.lossless:
        messages = _rewritten(messages, tidied)
    if shaping.extractive is not None and shaping.extractive < 1:
        question = question_in(next((text_of(m.get("content")) for m in reversed(messages) if _is_user(m)), ""))
        messages = _rewritten(messages, lambda text: _extracted(text, question, shaping.extractive or 0.0))
    if shaping.context_tokens is not None:
        messages = _recent(messages, shaping.context_tokens)
    return messages


def _extracted(text: str, question: str, share: float) -> str:
    """An extract of a long text; a question that ends the text stays there in full."""
    if len(text) < _LONG_TEXT:
        return text
    body = text.rstrip()
    tail = question if question and body.endswith(question) else ""
    return extract(body[: len(body) - len(tail)], question, share) + (f"\n\n{tail}" if tail else "")


def _rewritten(messages: list[Json], rewrite: Callable[[str], str]) -> list[Json]:
    """The messages with the texts of all but the assistant rewritten; the very same list where nothing changed."""
    made: list[Json] = []
    changed = False
    for message in messages:
        content = message.get("content")
        new = content if message.get("role") == "assistant" else _rewritten_content(content, rewrite)
        changed = changed or new is not content
        made.append(message if new is content else {**message, "content": new})
    return made if changed else messages


def _rewritten_content(content: Any, rewrite: Callable[[str], str]) -> Any:
    if isinstance(content, str):
        new = rewrite(content)
        return content if new == content else new
    if not isinstance(content, list):
        return content
    parts = [
        {**part, "text": rewrite(part["text"])}
        if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)
        else part
        for part in content
    ]
    return content if parts == content else parts


def _recent(messages: list[Json], tokens: int) -> list[Json]:
    """Without the oldest turns beyond `tokens`. System messages and the last turn stay; a tool's answer goes with the
    turn that asked for it."""
    turns: list[list[Json]] = []
    for message in messages:
        if _is_user(message) or not turns:
            turns.append([])
        turns[-1].append(message)
    left = tokens - sum(_tokens(message) for message in messages if _is_system(message))
    keep = len(turns)
    while keep > 0:
        left -= sum(_tokens(message) for message in turns[keep - 1] if not _is_system(message))
        if left < 0 and keep < len(turns):
            break
        keep -= 1
    if keep <= 0:
        return messages
    kept = [message for turn in turns[:keep] for message in turn if _is_system(message)]
    return [*kept, *(message for turn in turns[keep:] for message in turn)]


def _with_system(messages: list[Json], text: str) -> list[Json]:
    first = messages[0]
    if _is_system(first) and isinstance(first.get("content"), str):
        return [{**first, "content": f"{first['content']}\n\n{text}"}, *messages[1:]]
    return [{"role": "system", "content": text}, *messages]


def _is_user(message: Json) -> bool:
    return message.get("role") == "user"


def _is_system(message: Json) -> bool:
    return message.get("role") in ("system", "developer")


def _tokens(message: Json) -> int:
    return estimate_tokens(len(text_of(message.get("content")))) + 4


def _size(messages: list[Json]) -> int:
    return sum(len(text_of(message.get("content"))) for message in messages)
