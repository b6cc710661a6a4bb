"""Anthropic's Messages dialect, answers: the chunks of a chat as a Message, or as the events of one.

    message_start, (content_block_start, content_block_delta..., content_block_stop)..., message_delta, message_stop

One block is open at a time. The counts of tokens come with `message_delta`, since a chat tells them at its end; those
in `message_start` are 0. Source: platform.claude.com/docs/en/build-with-claude/streaming. Knows nothing of requests but
the names of their tools and their stop sequences.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pilothouse.errors import ProviderProtocolError
from pilothouse.gateway.dialects.messages_content import short_name
from pilothouse.ids import new_id
from pilothouse.types import ChatChunk, ChatRequest, Json, Usage

__all__ = ["MessageWriter"]

_encode = msgspec.json.Encoder().encode
_STOPS = {"length": "max_tokens", "tool_calls": "tool_use", "function_call": "tool_use", "content_filter": "refusal"}
_NATIVE_STOPS = ("stop_sequence", "model_context_window_exceeded")
"""Words of `native_finish_reason` that say more than a chat's own, and mean the same here."""
_MORE = (b'"tool_calls"', b'"thinking_blocks"', b'"refusal"', b'"native_finish_reason"', b'"citations"')
"""Signs that a chunk holds more than its text: any other needs no decoding."""
_NO_USAGE = Usage()


class MessageWriter:
    """Writes one answer: `whole` from the one chunk of a JSON answer, else `feed` for each chunk and then `end`."""

    def __init__(self, request: ChatRequest) -> None:
        self._model = request.model
        self._stops: Sequence[str] = request.body.get("stop_sequences") or ()
        self._signs = (*_MORE, b'"stop_reason"') if self._stops else _MORE
        self._names = _long_names(request)
        self._id = f"msg_{new_id()}"
        self._started = False
        self._index = -1
        self._open: str | None = None
        self._call: tuple[int, str] | None = None
        self._calls = 0
        self._closed_calls: set[int] = set()
        self._waiting = ""
        self._finish: str | None = None
        self._usage: Usage | None = None
        self._stop: Json = {}
        self._extra: Json = {}

    # ---- whole

    def whole(self, chunk: ChatChunk) -> ChatChunk:
        """The Message. Raises ProviderProtocolError where a tool call's arguments are no JSON object."""
        data = chunk.data
        choice: Json = next(iter(data.get("choices") or ()), {})
        message = choice.get("message") or {}
        self._note_stop(choice, message)
        content = [_without_index(block) for block in message.get("thinking_blocks") or ()]
        if chunk.reasoning and not content:
            content.append({"type": "thinking", "thinking": chunk.reasoning, "signature": ""})
        if text := chunk.text or message.get("refusal"):
            content.append({"type": "text", "text": text})
        calls = message.get("tool_calls") or []
        content += [self._tool_use(call, chunk.finish_reason) for call in calls]
        self._calls, self._finish, self._usage = len(calls), chunk.finish_reason, chunk.usage
        body = self._message(chunk.model, content, self._stop_fields(), _usage(chunk.usage or _NO_USAGE))
        if "citations" in data:
            body["citations"] = data["citations"]
        return ChatChunk(
            _encode(body), chunk.text, chunk.reasoning, chunk.finish_reason, chunk.usage, model=chunk.model,
            tool_calls=calls or None,
        )  # fmt: skip

    # ---- streamed

    def feed(self, chunk: ChatChunk) -> list[ChatChunk]:
        """The events that a chunk stands for."""
        out: list[ChatChunk] = []
        if not self._started:
            self._started = True
            out.append(self._start(chunk.model))
        self._usage = chunk.usage or self._usage
        self._finish = chunk.finish_reason or self._finish
        if chunk.reasoning:
            self._begin("thinking", {"thinking": "", "signature": ""}, out)
            out.append(self._delta({"type": "thinking_delta", "thinking": chunk.reasoning}, reasoning=chunk.reasoning))
        if chunk.text:
            self._add_text(chunk.text, out)
        raw = chunk.raw
        if not chunk.usage_only and any(sign in raw for sign in self._signs):
            self._add_more(chunk.data, out)
        return out

    def end(self) -> list[ChatChunk]:
        """The last events, once the chat is complete."""
        out: list[ChatChunk] = [] if self._started else [self._start(None)]
        self._close(out)
        usage = _usage(self._usage or _NO_USAGE)
        last = {"type": "message_delta", "delta": self._stop_fields(), "usage": usage, **self._extra}
        raw = _encode(last)
        out.append(ChatChunk(raw, finish_reason=self._finish, usage=self._usage, event=b"message_delta"))
        out.append(ChatChunk(b'{"type":"message_stop"}', event=b"message_stop"))
        return out

    def _start(self, model: str | None) -> ChatChunk:
        nothing = {"stop_reason": None, "stop_sequence": None}
        message = self._message(model, [], nothing, {"input_tokens": 0, "output_tokens": 0})
        raw = _encode({"type": "message_start", "message": message})
        return ChatChunk(raw, model=model, event=b"message_start")

    def _add_text(self, text: str, out: list[ChatChunk]) -> None:
        self._begin("text", {"text": ""}, out)
        out.append(self._delta({"type": "text_delta", "text": text}, text))

    def _add_more(self, data: Json, out: list[ChatChunk]) -> None:
        if "citations" in data:
            self._extra["citations"] = data["citations"]
        for choice in data.get("choices") or ():
            delta = choice.get("delta") or {}
            self._note_stop(choice, delta)
            for block in delta.get("thinking_blocks") or ():
                self._add_thought(block, out)
            if delta.get("refusal"):
                self._add_text(delta["refusal"], out)
            for call in delta.get("tool_calls") or ():
                self._add_call(call, out)

    def _add_thought(self, block: Json, out: list[ChatChunk]) -> None:
        """A vendor's thinking block, complete: the signature of what was streamed, or a block of its own."""
        if block.get("type") == "thinking":
            if self._open != "thinking":
                self._begin("thinking", {"thinking": "", "signature": ""}, out)
                out.append(self._delta({"type": "thinking_delta", "thinking": block.get("thinking") or ""}))
            out.append(self._delta({"type": "signature_delta", "signature": block.get("signature") or ""}))
        else:
            self._close(out)
            self._begin(str(block.get("type")), {k: v for k, v in block.items() if k not in ("index", "type")}, out)
        self._close(out)

    def _add_call(self, call: Json, out: list[ChatChunk]) -> None:
        """A tool call begins, or goes on. Some servers give every call the index 0, so a new id begins one too."""
        function = call.get("function") or {}
        index, given = call.get("index") or 0, call.get("id") or ""
        known = self._call is not None and index == self._call[0] and given in ("", self._call[1])
        if not known:
            if index in self._closed_calls and not given:
                raise ProviderProtocolError("The model went back to a tool call after it had begun another.")
            self._close(out)
            self._call, self._waiting = (index, given or f"toolu_{new_id()}"), ""
        self._waiting += function.get("arguments") or ""
        if self._open != "tool_use" and function.get("name"):
            self._begin_call(function["name"], out)
        if self._open == "tool_use" and self._waiting:
            arguments, self._waiting = self._waiting, ""
            said = [{"index": self._calls - 1, "function": {"arguments": arguments}}]
            out.append(self._delta({"type": "input_json_delta", "partial_json": arguments}, calls=said))

    def _begin_call(self, name: str, out: list[ChatChunk]) -> None:
        assert self._call is not None
        call_id, name = self._call[1], self._names.get(name, name)
        said = [{"index": self._calls, "id": call_id, "type": "function", "function": {"name": name, "arguments": ""}}]
        self._calls += 1
        self._begin("tool_use", {"id": call_id, "name": name, "input": {}}, out, said)

    # ---- blocks

    def _begin(self, kind: str, empty: Json, out: list[ChatChunk], calls: list[Json] | None = None) -> None:
        """See to it that a block of this kind is open; each call of a tool is a block of its own."""
        if self._open == kind and kind != "tool_use":
            return
        self._close(out)
        self._index += 1
        self._open = kind
        block = {"type": kind, **empty}
        raw = _encode({"type": "content_block_start", "index": self._index, "content_block": block})
        out.append(ChatChunk(raw, event=b"content_block_start", tool_calls=calls))

    def _delta(self, delta: Json, text: str = "", reasoning: str = "", calls: list[Json] | None = None) -> ChatChunk:
        raw = _encode({"type": "content_block_delta", "index": self._index, "delta": delta})
        return ChatChunk(raw, text, reasoning, event=b"content_block_delta", tool_calls=calls)

    def _close(self, out: list[ChatChunk]) -> None:
        if self._open is None:
            return
        if self._open == "tool_use" and self._call is not None:
            self._closed_calls.add(self._call[0])
            self._call = None
        self._open = None
        raw = b'{"type":"content_block_stop","index":%d}' % self._index
        out.append(ChatChunk(raw, event=b"content_block_stop"))

    # ---- parts of both

    def _message(self, model: str | None, content: list[Json], stop: Json, usage: Json) -> Json:
        head = {"id": self._id, "type": "message", "role": "assistant", "model": model or self._model}
        return {**head, "content": content, **stop, "usage": usage}

    def _tool_use(self, call: Json, finish: str | None) -> Json:
        function = call.get("function") or {}
        name = function.get("name") or ""
        block: Json = {"type": "tool_use", "id": call.get("id") or f"toolu_{new_id()}"}
        return block | {"name": self._names.get(name, name), "input": _arguments(function, finish)}

    def _note_stop(self, choice: Json, said: Json) -> None:
        native, reason = choice.get("native_finish_reason"), choice.get("stop_reason")
        if isinstance(native, str) and native.lower() in _NATIVE_STOPS:
            self._stop["stop_reason"] = native.lower()
        if isinstance(reason, str) and reason in self._stops:  # vLLM names the sequence that ended the answer
            self._stop = {"stop_reason": "stop_sequence", "stop_sequence": reason}
        if said.get("refusal"):
            self._stop["stop_reason"] = "refusal"

    def _stop_fields(self) -> Json:
        reason = self._stop.get("stop_reason") or _STOPS.get(self._finish or "", "end_turn")
        if reason == "end_turn" and self._calls:
            reason = "tool_use"
        only = self._stops[0] if reason == "stop_sequence" and len(self._stops) == 1 else None
        return {"stop_reason": reason, "stop_sequence": self._stop.get("stop_sequence", only)}


def _long_names(request: ChatRequest) -> Mapping[str, str]:
    """The tools' own names, by those that were sent in their place."""
    names = (str(tool.get("name") or "") for tool in request.body.get("tools") or ())
    return {short_name(name): name for name in names if short_name(name) != name}


def _arguments(function: Json, finish: str | None) -> Any:
    try:
        arguments = msgspec.json.decode(function.get("arguments") or "{}")
    except msgspec.DecodeError:
        arguments = None
    if isinstance(arguments, dict):
        return arguments
    if finish == "length":  # cut short in the middle: nothing of it can be relied on
        return {}
    raise ProviderProtocolError(f"The model called '{function.get('name')}' with arguments that are no JSON object.")


def _without_index(block: Json) -> Json:
    return {name: value for name, value in block.items() if name != "index"}


def _usage(usage: Usage) -> Json:
    """Anthropic counts apart what was read from and written to a cache."""
    counts: Json = {
        "input_tokens": max(0, usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens),
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
    }
    return counts | (
        {"output_tokens_details": {"thinking_tokens": usage.reasoning_tokens}} if usage.reasoning_tokens else {}
    )
