"""What went into a step and came out of it, made readable: a conversation where it is one, else JSON."""

import json
from dataclasses import dataclass
from typing import Any

__all__ = ["LONGEST", "Turn", "turns"]

LONGEST = 20_000
"""Characters of one text that a page shows; the rest is in the download."""

_NAMED = 4  # texts by names of their own: the arguments of a function
_BARE = "value"  # what a value that was no object is kept by


@dataclass(frozen=True, slots=True)
class Turn:
    """One part: who says it (a role, or what it is), and the text. `code` is text that is no prose."""

    role: str
    text: str
    code: bool = False
    cut: int = 0


def turns(body: Any) -> list[Turn]:
    """The parts of an input or output. Whatever it holds that is no conversation comes last, as JSON."""
    if not isinstance(body, dict):
        return [] if body is None else [_text("text", body)] if isinstance(body, str) else [_json("value", body)]
    found: list[Turn] = []
    rest = dict(body)
    if _is_objects(rest.get("messages")):
        for message in rest.pop("messages"):
            found += _message(message)
    if _is_objects(rest.get("choices")):
        for choice in rest.pop("choices"):
            found += _choice(choice)
    for name in ("prompt", "input", "query", "text", "answer"):
        if isinstance(rest.get(name), str):
            found.append(_text(name, rest.pop(name)))
    if _is_objects(rest.get("citations")):
        found.append(_text("citations", "\n".join(map(_citation, rest.pop("citations")))))
    if _is_objects(rest.get("hits")) and all("score" in hit for hit in rest["hits"]):
        found.append(_text("hits", "\n".join(map(_hit, rest.pop("hits")))))
    if not found and 0 < len(rest) <= _NAMED and all(isinstance(value, str) for value in rest.values()):
        return [_text("text" if name == _BARE else str(name), value) for name, value in rest.items()]
    if rest:
        found.append(_json("more" if found else "value", rest))
    return found


def _message(message: dict[str, Any]) -> list[Turn]:
    role = str(message.get("role") or "message")
    found = []
    if message.get("reasoning_content"):
        found.append(_text(f"{role} · reasoning", message["reasoning_content"]))
    content = message.get("content")
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, dict) and part.get("type") in ("text", "input_text", "output_text"):
            found.append(_text(role, part.get("text")))
        elif isinstance(part, str):
            found.append(_text(role, part))
        elif part is not None:
            found.append(_json(f"{role} · {part.get('type') if isinstance(part, dict) else 'part'}", part))
    if message.get("tool_calls"):
        found.append(_json(f"{role} · tool calls", message["tool_calls"]))
    return found


def _choice(choice: dict[str, Any]) -> list[Turn]:
    message = choice.get("message")
    found = _message(message) if isinstance(message, dict) else []
    if isinstance(choice.get("text"), str):
        found.append(_text("completion", choice["text"]))
    return found


def _citation(citation: dict[str, Any]) -> str:
    return f"[{citation.get('number')}] {citation.get('place') or citation.get('source')}"


def _hit(hit: dict[str, Any]) -> str:
    score = hit["score"]
    shown = f"{score:.3f}" if isinstance(score, float) else str(score)
    return f"{shown}  {hit.get('place') or hit.get('source') or hit.get('chunk_id')}"


def _is_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _text(role: str, text: Any) -> Turn:
    text = text if isinstance(text, str) else json.dumps(text, ensure_ascii=False)
    return Turn(role, text[:LONGEST], cut=max(0, len(text) - LONGEST))


def _json(role: str, value: Any) -> Turn:
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return Turn(role, text[:LONGEST], code=True, cut=max(0, len(text) - LONGEST))
