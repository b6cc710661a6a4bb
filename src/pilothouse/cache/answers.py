"""A cached answer: gathered from the chunks of a finished call, kept as one body, given again as JSON or as a stream.

Knows nothing of keys or stores.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from pilothouse.cache.exact import NATIVE
from pilothouse.types import ChatChunk, ChatRequest, EmbedRequest, Json, Usage, text_of

__all__ = ["Answer", "body_of", "is_cacheable", "replay", "text_in"]

_DONE = ("stop", "tool_calls")
_ODD = (
    AttributeError, IndexError, KeyError, TypeError, msgspec.DecodeError, UnicodeDecodeError, RecursionError,
)  # fmt: skip
"""What reading an answer raises whose parts are not of the type that they must have, or no JSON."""
_THOUGHTS = ("reasoning_content", "reasoning")
_PIECE = 400  # characters of a streamed piece: an event costs more than its bytes
_REPLACED = frozenset({"role", "id", "type", "index", "finish_reason", "native_finish_reason"})
_ENVELOPE = frozenset({"id", "created", "model", "system_fingerprint", "service_tier"})
_encode = msgspec.json.Encoder().encode
_recorded = msgspec.msgpack.Decoder(list[ChatChunk]).decode


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """`body` is the JSON of a chat completion, a text completion or embeddings; for messages and responses it is
    their chunks, as they came. `stored_us` is UTC. `usage` and `cost_nano` (nano-USD) are those of the call that made
    it."""

    body: bytes
    stored_us: int
    deployment: str = ""
    model: str = ""
    usage: Usage | None = None
    cost_nano: int | None = None


def is_cacheable(request: ChatRequest | EmbedRequest) -> bool:
    """Whether an answer to this request could be given again: one choice, and no sound."""
    body = request.body
    if isinstance(request, EmbedRequest):
        return True
    prompt = body.get("prompt")
    several = isinstance(prompt, list) and len(prompt) > 1
    return body.get("n") in (None, 1) and not body.get("echo") and not body.get("audio") and not several


def body_of(chunks: Sequence[ChatChunk], request: ChatRequest) -> bytes | None:
    """The whole answer that these chunks are. None where it did not come to its natural end (`stop`, `tool_calls`), and
    where it has a shape in which it could not be given again."""
    if not any(chunk.finish_reason in _DONE for chunk in chunks):
        return None
    if request.operation in NATIVE:
        return msgspec.msgpack.encode(chunks)
    try:
        body = _encode(_gathered(chunks)) if request.stream else chunks[-1].raw
        choice = msgspec.json.decode(body)["choices"][0]
        kept = isinstance(choice["text"], str) if "text" in choice else isinstance(choice["message"], dict)
        return body if kept and "finish_reason" in choice else None
    except _ODD:
        return None


def text_in(body: bytes, request: ChatRequest) -> str:
    """The text of an answer to such a request."""
    if request.operation in NATIVE:
        return "".join(chunk.text for chunk in _recorded(body))
    choice = msgspec.json.decode(body)["choices"][0]
    return choice.get("text") or text_of((choice.get("message") or {}).get("content"))


def replay(answer: Answer, request: ChatRequest) -> list[ChatChunk]:
    """The answer as the chunks of a call: one with the whole body, or a stream's when `request.stream`.

    The usage is that of the original call.
    """
    if request.operation in NATIVE:
        return _recorded(answer.body)
    data: Json = msgspec.json.decode(answer.body)
    choice: Json = data["choices"][0]
    if request.stream:
        return list(_streamed(data, choice, answer))
    message = choice.get("message") or {}
    text = choice.get("text") or text_of(message.get("content"))
    thought = next((message[name] for name in _THOUGHTS if message.get(name)), "")
    return [ChatChunk(answer.body, text, thought, choice["finish_reason"], answer.usage, model=answer.model)]


def _streamed(data: Json, choice: Json, answer: Answer) -> Iterator[ChatChunk]:
    legacy = "text" in choice
    kind = "text_completion" if legacy else "chat.completion.chunk"
    envelope = {name: value for name, value in data.items() if name in _ENVELOPE} | {"object": kind}

    def chunk(part: Json, text: str = "", reasoning: str = "", **also: Any) -> ChatChunk:
        reason = also.get("finish_reason")
        body = part if legacy else {"delta": part}
        raw = _encode({**envelope, "choices": [{"index": 0, **body, "finish_reason": None, **also}]})
        return ChatChunk(raw, text, reasoning, reason, model=answer.model)

    if legacy:
        for piece in _pieces(choice["text"]):
            yield chunk({"text": piece}, piece)
    else:
        yield chunk({"role": "assistant", "content": None if choice["message"].get("content") is None else ""})
        for name, delta in _deltas(choice["message"]):
            said = delta[name]
            text = said if name == "content" and isinstance(said, str) else ""
            yield chunk(delta, text, said if name in _THOUGHTS else "")
    last = {name: choice[name] for name in ("logprobs", "native_finish_reason") if choice.get(name) is not None}
    end = chunk({"text": ""} if legacy else {}, finish_reason=choice["finish_reason"], **last)
    extra = {name: value for name, value in data.items() if name not in _ENVELOPE | {"choices", "usage", "object"}}
    if extra:
        end.raw = _encode({**end.data, **extra})
    yield end
    if (usage := answer.usage) is not None:
        counted = data.get("usage") or usage.to_openai()
        raw = _encode({**envelope, "choices": [], "usage": counted})
        yield ChatChunk(raw, usage=usage, usage_only=True, model=answer.model)


def _deltas(message: Json) -> Iterator[tuple[str, Json]]:
    """What a stream says of a message, a field at a time; the thoughts before the words, tool calls after them."""
    order = {"reasoning_content": 0, "thinking_blocks": 1, "content": 2}
    for name in sorted(message, key=lambda name: order.get(name, 3)):
        value = message[name]
        if name == "role" or value is None:
            continue
        if isinstance(value, str):
            for piece in _pieces(value):
                yield name, {name: piece}
        elif isinstance(value, list) and name != "content":
            yield (
                name,
                {name: [{"index": i, **item} if isinstance(item, dict) else item for i, item in enumerate(value)]},
            )
        else:
            yield name, {name: value}


def _pieces(text: str) -> Iterator[str]:
    """The text cut after spaces, where there are any."""
    start = 0
    while start < len(text):
        end = start + _PIECE
        if end < len(text) and (space := text.rfind(" ", start, end)) > start:
            end = space + 1
        yield text[start:end]
        start = end


# ---- a stream's chunks into one body


def _gathered(chunks: Sequence[ChatChunk]) -> Json:
    body: Json = {}
    choice: Json = {}
    message: Json = {"role": "assistant", "content": None}
    legacy = False
    for chunk in chunks:
        data = chunk.data
        for name, value in data.items():
            if name != "choices" and value is not None:
                body[name] = value
        for part in data.get("choices") or ():
            legacy = legacy or "text" in part
            _merge(choice, {name: value for name, value in part.items() if name != "delta"})
            _merge(message, part.get("delta") or {})
    for name, value in message.items():
        if isinstance(value, list):
            message[name] = [_unnumbered(item) for item in value]
    body["object"] = "text_completion" if legacy else "chat.completion"
    reason = choice.pop("finish_reason", None)
    whole = {
        "index": 0,
        **({} if legacy else {"message": message}),
        "logprobs": None,
        **choice,
        "finish_reason": reason,
    }
    return {**body, "choices": [whole]}


def _merge(into: Json, delta: Json) -> None:
    """Add a delta up: texts and lists grow, list entries of one `index` are one, anything else is replaced."""
    for name, value in delta.items():
        had = into.get(name)
        if value is None or (name in _REPLACED and value == ""):
            into.setdefault(name, value)
        elif isinstance(value, list):
            into[name] = _joined([{"type": "text", "text": had}] if isinstance(had, str) and had else had or [], value)
        elif isinstance(value, str) and isinstance(had, list):
            had.append({"type": "text", "text": value})
        elif isinstance(value, str) and isinstance(had, str) and name not in _REPLACED:
            into[name] = had + value
        elif isinstance(value, dict) and isinstance(had, dict):
            _merge(had, value)
        else:
            into[name] = value


def _joined(had: list[Any], more: list[Any]) -> list[Any]:
    for item in more:
        index = item.get("index") if isinstance(item, dict) else None
        same = next((old for old in had if isinstance(old, dict) and old.get("index") == index), None)
        if index is None or same is None:
            had.append(item)
        else:
            _merge(same, item)
    return had


def _unnumbered(item: Any) -> Any:
    return {name: value for name, value in item.items() if name != "index"} if isinstance(item, dict) else item
