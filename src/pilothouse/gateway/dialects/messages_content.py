"""Anthropic's Messages dialect, the conversation: content blocks as the messages and parts of an OpenAI chat.

    tool_result      a message of the role `tool`; images and documents in it go into the user's message after it
    tool_use         an entry of the assistant's `tool_calls`
    thinking         `thinking_blocks` and `reasoning_content`, which go no further than to providers that read them
    document         a PDF as a `file`, a text as text; search_result: its title, source and text
    tool_reference   a line that names the tool, since every tool is on offer from the start

Blocks without a counterpart are named in `unsaid`. Knows nothing of answers or providers.
"""

from hashlib import blake2b
from typing import Any

import msgspec

from pilothouse.errors import InvalidRequest
from pilothouse.types import Json

__all__ = ["Turns", "marks", "short_name"]

_LONGEST_NAME = 64  # of a function at OpenAI, Google and Bedrock; Anthropic takes 128, and MCP tools use them
_ATTRIBUTION = "x-anthropic-billing-header:"
"""Claude Code's note to Anthropic about itself at the start of the system prompt. It differs from call to call, so it
would keep a provider's prompt cache from ever matching (docs: Claude Code, gateway protocol)."""
_MOVED = "(What was returned follows in the next message.)"


def short_name(name: str) -> str:
    """A tool's name in at most 64 characters: a longer one ends in a hash of the whole."""
    if len(name) <= _LONGEST_NAME:
        return name
    digest = blake2b(name.encode(), digest_size=4).hexdigest()
    return f"{name[: _LONGEST_NAME - 9]}_{digest}"


def marks(block: Json) -> Json:
    """Its `cache_control`, which some providers read."""
    return {"cache_control": block["cache_control"]} if block.get("cache_control") else {}


class Turns:
    """A conversation in the making: `messages` of a chat, and the places of what they cannot express."""

    def __init__(self) -> None:
        self.messages: list[Json] = []
        self.unsaid: list[str] = []

    def system(self, content: Any, where: str) -> None:
        blocks = [block for block in _blocks(content) if not str(block.get("text")).startswith(_ATTRIBUTION)]
        if parts := self._parts(blocks, where):
            self.messages.append({"role": "system", "content": _content(parts)})

    def add(self, message: Json, where: str) -> None:
        """One message, as the one or the several that it is in a chat. Raises InvalidRequest naming the field."""
        if message["role"] == "system":
            self.system(message["content"], where)
        elif message["role"] == "assistant":
            self._assistant(_blocks(message["content"]), f"{where}.content")
        else:
            self._user(_blocks(message["content"]), f"{where}.content")

    def _user(self, blocks: list[Json], where: str) -> None:
        """Tool results first, as a chat wants them right after the calls; then what the user adds."""
        rest: list[Json] = []
        answered = False
        for i, block in enumerate(blocks):
            at = f"{where}[{i}]"
            if block.get("type") == "tool_result":
                answered = True
                rest += self._tool_result(block, at)
            else:
                rest += self._part(block, at)
        if rest or not answered:
            self.messages.append({"role": "user", "content": _content(rest)})

    def _tool_result(self, block: Json, where: str) -> list[Json]:
        """Adds the result's message; gives the parts that only a user may send."""
        parts = self._parts(_blocks(block.get("content") or []), f"{where}.content")
        texts = [part["text"] for part in parts if part["type"] == "text"]
        moved = [part for part in parts if part["type"] != "text"]
        message: Json = {"role": "tool", "tool_call_id": _text(block, "tool_use_id", where)}
        message["content"] = "\n".join([*texts, *([_MOVED] if moved else [])])
        if block.get("is_error"):
            message["is_error"] = True
        self.messages.append(message | marks(block))
        return moved

    def _assistant(self, blocks: list[Json], where: str) -> None:
        parts: list[Json] = []
        calls: list[Json] = []
        thoughts: list[Json] = []
        for i, block in enumerate(blocks):
            match block.get("type"):
                case "tool_use":
                    calls.append(_tool_call(block, f"{where}[{i}]"))
                case "thinking" | "redacted_thinking":
                    thoughts.append(block)
                case _:
                    parts += self._part(block, f"{where}[{i}]")
        message: Json = {"role": "assistant", "content": _content(parts) if parts or not calls else None}
        if calls:
            message["tool_calls"] = calls
        if thoughts:
            message["thinking_blocks"] = thoughts
            message["reasoning_content"] = "".join(str(block.get("thinking") or "") for block in thoughts)
        self.messages.append(message)

    def _parts(self, blocks: list[Json], where: str) -> list[Json]:
        return [part for i, block in enumerate(blocks) for part in self._part(block, f"{where}[{i}]")]

    def _part(self, block: Json, where: str) -> list[Json]:
        """A block as content parts: none for an empty text, several for a document that is made of blocks."""
        match block.get("type"):
            case "text":
                text = _text(block, "text", where)
                return [{"type": "text", "text": text, **marks(block)}] if text else []
            case "image":
                return self._image(block, where)
            case "document":
                return self._document(block, where)
            case "search_result":
                texts = [_text(part, "text", where) for part in _blocks(block.get("content") or [])]
                lines = filter(None, [str(block.get("title") or ""), str(block.get("source") or ""), *texts])
                return [{"type": "text", "text": "\n".join(lines), **marks(block)}]
            case "tool_reference":
                return [{"type": "text", "text": f"The tool '{_text(block, 'tool_name', where)}' is on offer."}]
        self.unsaid.append(f"{where}.type")
        return []

    def _image(self, block: Json, where: str) -> list[Json]:
        source = _source(block, where)
        if source["type"] == "url":
            url = _text(source, "url", f"{where}.source")
        elif source["type"] == "base64":
            url = _data_url(source, where)
        else:
            self.unsaid.append(f"{where}.source")
            return []
        return [{"type": "image_url", "image_url": {"url": url}, **marks(block)}]

    def _document(self, block: Json, where: str) -> list[Json]:
        """Citations are refused, not left out: whoever asks for them relies on them."""
        source = _source(block, where)
        if (block.get("citations") or {}).get("enabled"):
            self.unsaid.append(f"{where}.citations")
        about = [str(block[name]) for name in ("title", "context") if block.get(name)]
        match source["type"]:
            case "text":
                text = "\n\n".join([*about, _text(source, "data", f"{where}.source")])
                return [{"type": "text", "text": text, **marks(block)}]
            case "base64":
                file = {"filename": block.get("title") or "document.pdf", "file_data": _data_url(source, where)}
                return [{"type": "file", "file": file, **marks(block)}]
            case "content":
                head = [{"type": "text", "text": "\n\n".join(about)}] if about else []
                return [*head, *self._parts(_blocks(source.get("content") or []), f"{where}.source.content")]
        self.unsaid.append(f"{where}.source")
        return []


def _tool_call(block: Json, where: str) -> Json:
    arguments = block.get("input")
    if not isinstance(arguments, dict):
        raise InvalidRequest(f"{where}.input: must be an object.", param=f"{where}.input")
    function = {
        "name": short_name(_text(block, "name", where)), "arguments": msgspec.json.encode(arguments).decode()
    }  # fmt: skip
    return {"id": _text(block, "id", where), "type": "function", "function": function, **marks(block)}


def _blocks(content: Any) -> list[Json]:
    """Content as blocks; a text is one of type text."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []


def _content(parts: list[Json]) -> Any:
    """A lone text as such, for servers that know no parts."""
    if len(parts) == 1 and parts[0]["type"] == "text" and len(parts[0]) == 2:
        return parts[0]["text"]
    return parts or ""


def _source(block: Json, where: str) -> Json:
    source = block.get("source")
    if not isinstance(source, dict) or not isinstance(source.get("type"), str):
        raise InvalidRequest(f"{where}.source: must be an object with a 'type'.", param=f"{where}.source")
    return source


def _data_url(source: Json, where: str) -> str:
    at = f"{where}.source"
    return f"data:{_text(source, 'media_type', at)};base64,{_text(source, 'data', at)}"


def _text(block: Json, name: str, where: str) -> str:
    value = block.get(name)
    if not isinstance(value, str):
        raise InvalidRequest(f"{where}.{name}: must be a text.", param=f"{where}.{name}")
    return value
