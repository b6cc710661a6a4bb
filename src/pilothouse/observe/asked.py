"""What a step was asked, in the few words that a list shows.

Inputs come from anywhere, and any value may stand in them: whatever it is, there is an answer.
"""

from collections.abc import Iterable
from typing import Any

__all__ = ["question", "whole_question"]

_PREVIEW = 300
_NAMES = ("messages", "prompt", "query", "question", "input", "value")
_DEEPEST = 8


def question(asked: Any) -> str:
    """The beginning of what a step was asked, at most 300 characters: the last user message, else a prompt, query,
    question or input, else the only text there is. Empty where nothing is like a question."""
    return " ".join(_told(asked, 0)[:_PREVIEW].split())


def whole_question(asked: Any) -> str:
    """All of it, as it was written."""
    return _told(asked, 0)


def _told(value: Any, depth: int) -> str:
    if isinstance(value, str):
        return value
    if depth == _DEEPEST:
        return ""
    if isinstance(value, list):
        users = [item for item in value if isinstance(item, dict) and item.get("role") == "user"]
        return _written(users[-1].get("content")) if users else _first(value)
    if not isinstance(value, dict):
        return ""
    named = _first(_told(value[name], depth + 1) for name in _NAMES if name in value)
    texts = [text for text in value.values() if isinstance(text, str) and text]
    return named or (texts[0] if len(texts) == 1 else "")


def _written(content: Any) -> str:
    """The text of a message's content: a string, or parts of which some are text."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(text for part in parts if isinstance(part, dict) and isinstance(text := part.get("text"), str))


def _first(texts: Iterable[Any]) -> str:
    return next((text for text in texts if isinstance(text, str) and text), "")
