"""Shapes requests so that the provider's own prompt cache finds a prefix it has seen, and tells how well that works.

Providers cache by exact prefix, tools first, then system messages, then turns. So what stays the same goes first, in
one order; and for Anthropic, which caches only where told to, the ends of the stable parts are marked with
`cache_control` (at most four marks; platform.claude.com/docs/en/build-with-claude/prompt-caching).

`prefixed` is pure. Knows nothing of which provider is asked.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable
from hashlib import blake2b

import msgspec

from pilothouse.types import ChatRequest, Json, Usage

__all__ = ["CachedShare", "Part", "PrefixUse", "Variation", "prefixed"]

_MARK = {"type": "ephemeral"}
_SYSTEM = ("system", "developer")
_CALLS = 256  # of an alias that are remembered
_ALIASES = 1024
_DEPLOYMENTS = 4096


def prefixed(request: ChatRequest, *, marks: bool = False, varies: Callable[[Json], bool] | None = None) -> ChatRequest:
    """The request with its tools sorted by name and, of the system messages it begins with, those first that do not
    vary (`Variation.varies`). With `marks`, for Anthropic and Bedrock, the last tool, the last stable system message
    and the turn before the last user message carry `cache_control`, unless the caller set any itself.

    Order alone changes: nothing is added but the marks, nothing is lost. Other dialects are returned as they are.
    """
    if request.operation != "chat":
        return request
    tools = sorted(request.tools, key=_tool_name)
    head, turns = _split(request.messages)
    head.sort(key=lambda message: varies is not None and varies(message))
    if marks and b'"cache_control"' not in msgspec.json.encode(request.body):
        tools = [*tools[:-1], _marked(tools[-1])] if tools else tools
        stable = [i for i, message in enumerate(head) if varies is None or not varies(message)]
        if stable:
            head[stable[-1]] = _marked(head[stable[-1]])
        turns = _with_mark(turns)
    shaped: Json = {"messages": [*head, *turns]}
    return request.edited(**(shaped | {"tools": tools} if tools else shaped))


def _tool_name(tool: Json) -> str:
    function = tool.get("function")
    return str((function if isinstance(function, dict) else tool).get("name") or "")


def _split(messages: list[Json]) -> tuple[list[Json], list[Json]]:
    """(the system messages that a request begins with, the rest)."""
    end = next((i for i, message in enumerate(messages) if message.get("role") not in _SYSTEM), len(messages))
    return messages[:end], messages[end:]


def _with_mark(turns: list[Json]) -> list[Json]:
    """Mark the last turn before the last user message that says something: what follows is new with each call."""
    last = next((i for i in range(len(turns) - 1, -1, -1) if turns[i].get("role") == "user"), 0)
    at = next((i for i in range(last - 1, -1, -1) if turns[i].get("content")), None)
    return turns if at is None else [*turns[:at], _marked(turns[at]), *turns[at + 1 :]]


def _marked(part: Json) -> Json:
    return {**part, "cache_control": _MARK}


# ---- what varies between the calls of an alias


class Part(msgspec.Struct, frozen=True):
    """A part of an alias' prompts: `tools`, or `system 0` and so on, as they came. `values` are the different ones
    seen in `calls`; `characters` is its mean length."""

    name: str
    calls: int
    values: int
    characters: int

    @property
    def varies(self) -> bool:
        return self.values > max(1, self.calls // 4)


class Variation:
    """Remembers, by hash, the parts that prompts begin with: which stay the same from call to call, and which do not.

    A part that is new in more than one of four calls varies. About 5 us per call.
    """

    def __init__(self) -> None:
        self._seen: OrderedDict[str, dict[str, OrderedDict[bytes, list[int]]]] = OrderedDict()

    def note(self, alias: str, request: ChatRequest) -> None:
        """Remember what this call begins with."""
        parts = self._seen.setdefault(alias, {})
        self._seen.move_to_end(alias)
        if len(self._seen) > _ALIASES:
            self._seen.popitem(last=False)
        head, _ = _split(request.messages)
        found = [(f"system {i}", message.get("content")) for i, message in enumerate(head)]
        for name, value in ([("tools", request.tools)] if request.tools else []) + found:
            raw = msgspec.json.encode(value)
            seen = parts.setdefault(name, OrderedDict())
            counts = seen.setdefault(_hash(raw), [0, len(raw)])
            counts[0] += 1
            seen.move_to_end(_hash(raw))
            while len(seen) > _CALLS:
                seen.popitem(last=False)

    def parts(self, alias: str) -> list[Part]:
        """What was seen of an alias, part by part."""
        return [
            Part(name, calls, len(seen), sum(n * size for n, size in seen.values()) // max(1, calls))
            for name, seen in self._seen.get(alias, {}).items()
            if (calls := sum(n for n, _ in seen.values()))
        ]

    def varies(self, alias: str) -> Callable[[Json], bool]:
        """For `prefixed`: whether a system message's text is seldom seen among the calls of an alias."""
        known: Counter[bytes] = Counter()
        for seen in self._seen.get(alias, {}).values():
            for digest, (count, _) in seen.items():
                known[digest] += count
        calls = max((part.calls for part in self.parts(alias)), default=0)

        def seldom(message: Json) -> bool:
            return calls >= 4 and known[_hash(msgspec.json.encode(message.get("content")))] * 4 < calls

        return seldom


def _hash(raw: bytes) -> bytes:
    return blake2b(raw, digest_size=8).digest()


# ---- how much of the input came from the provider's cache


class CachedShare(msgspec.Struct, frozen=True):
    """Input tokens of a deployment's calls, and how many of them its provider's prompt cache gave or kept."""

    deployment: str
    calls: int
    input_tokens: int
    cached_tokens: int
    cache_write_tokens: int

    @property
    def share(self) -> float:
        """Cached input tokens of all input tokens, 0 to 1."""
        return self.cached_tokens / self.input_tokens if self.input_tokens else 0.0


class PrefixUse:
    """Counts cached tokens by deployment, from the usage that providers report. `note` takes 0.5 us."""

    def __init__(self) -> None:
        self._counts: dict[str, list[int]] = {}

    def note(self, deployment: str, usage: Usage) -> None:
        counts = self._counts.get(deployment)
        if counts is None:
            if len(self._counts) >= _DEPLOYMENTS:  # callers choose the names of direct ones
                return
            counts = self._counts[deployment] = [0, 0, 0, 0]
        counts[0] += 1
        counts[1] += usage.input_tokens
        counts[2] += usage.cached_tokens
        counts[3] += usage.cache_write_tokens

    def report(self) -> list[CachedShare]:
        """By deployment, in order of name."""
        return [CachedShare(deployment, *counts) for deployment, counts in sorted(self._counts.items())]
