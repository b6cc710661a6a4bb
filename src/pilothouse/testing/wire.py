"""What a wire-format server is told to answer, and what it understood of a request: the same words for every vendor.

A contract test says `Answer(text="Hi")`, the vendor's server writes it in that vendor's format; the request comes
back as `Heard`, whatever format it travelled in. Knows nothing of HTTP.
"""

import random
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, fields
from typing import Literal, Self, get_args
from urllib.parse import parse_qsl

from pilothouse.types import Json, Usage

__all__ = ["Answer", "Fault", "Heard", "Received", "Refusal", "ToolCall", "Turn", "fragments"]

Fault = Literal[
    "rate_limit", "auth", "forbidden", "context_length", "bad_request", "unknown_model", "content_filter",
    "server_error", "overloaded", "html", "garbage", "hang", "hang_midway", "reset_midway", "half_frame", "cut",
    "error_event",
]  # fmt: skip
"""What goes wrong. From `rate_limit` to `overloaded`: an HTTP error in the vendor's shape. `html`: a proxy's 502 page.
`garbage`: status 200 with bytes in no format. `hang`: no answer at all. In a stream, after about half of its frames:
`hang_midway` (silence), `reset_midway` (connection reset), `half_frame` (ends inside a frame), `cut` (ends between
two frames), `error_event` (the vendor's error frame)."""

Split = Literal["frames", "whole", "bytes"] | int
"""How a stream's bytes are cut: one write per frame, one write, one per byte, or at random from this seed."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model makes; `arguments` is the decoded object."""

    id: str
    name: str
    arguments: Json


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says. `usage` None: the server reports none. `retry_after` (seconds) goes with `rate_limit`.

    `choices` above 1 repeats the text in each. `finish_reason` is one of OpenAI's words. `model` is the name under
    which it is said, the one asked for where empty; some vendors name none.
    """

    text: str = "Hello there, this is the answer."
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str = "stop"
    usage: Usage | None = field(default_factory=lambda: Usage(input_tokens=11, output_tokens=7))
    choices: int = 1
    fault: Fault | None = None
    retry_after: float | None = None
    split: Split = "frames"
    model: str = ""

    @classmethod
    def from_model(cls, model: str) -> Self | None:
        """Knobs in a model name, for servers that cannot be scripted: `any?fault=rate_limit&text=Hi&split=bytes`.

        None for a name without a question mark. Raises ValueError for an unknown knob.
        """
        _, mark, query = model.partition("?")
        if not mark:
            return None
        read = {"choices": int, "retry_after": float, "split": _split, "usage": _usage, "fault": _fault}
        known = {f.name for f in fields(cls)} - {"tool_calls"}
        values = dict(parse_qsl(query, keep_blank_values=True))
        if unknown := values.keys() - known:
            raise ValueError(f"no knob named {', '.join(sorted(unknown))}; there are: {', '.join(sorted(known))}")
        return cls(**{name: read.get(name, str)(value) for name, value in values.items()})  # type: ignore[operator]

    def words(self) -> list[str]:
        """The text in the pieces in which it is streamed."""
        return pieces(self.text)


@dataclass(slots=True)
class Turn:
    """One message as the model heard it. `images` are URLs, data URLs included; `results` are (call id, text)."""

    role: Literal["user", "assistant", "tool"]
    text: str = ""
    images: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    results: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Heard:
    """A request as understood from the vendor's format. `tool_choice` is auto, none, required or a tool's name.

    `tools` maps a name to its parameter schema; `schema` is the JSON schema that the answer was asked to follow.
    """

    operation: str
    model: str
    stream: bool = False
    system: str = ""
    turns: list[Turn] = field(default_factory=list)
    tools: dict[str, Json] = field(default_factory=dict)
    tool_choice: str | None = None
    schema: Json | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    stop: list[str] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Received:
    """A request that arrived. `heard` is None where it was refused; `gone` is done once the client left early.

    `target` is the request target as it stood on the wire, not decoded and with its query.
    """

    method: str
    path: str
    target: str
    query: dict[str, str]
    headers: dict[str, str]
    raw: bytes
    body: Json
    heard: Heard | None = None
    gone: "Future[None]" = field(default_factory=Future)

    @property
    def disconnected(self) -> bool:
        return self.gone.done()


class Refusal(Exception):
    """A server's word that a request is not in its documented format (or that something else is wrong with it)."""

    def __init__(self, message: str, fault: Fault = "bad_request") -> None:
        super().__init__(message)
        self.message = message
        self.fault = fault


def pieces(text: str) -> list[str]:
    """A text in pieces of one word each, its white space kept: joined they are the text again."""
    words = text.split(" ")
    return [word if i == 0 else f" {word}" for i, word in enumerate(words)] if text else []


def fragments(frames: list[bytes], split: Split) -> Iterator[bytes]:
    """The bytes of a stream, cut as `split` says."""
    if split == "frames":
        yield from frames
        return
    whole = b"".join(frames)
    if split == "whole":
        yield whole
        return
    rng = random.Random(split if isinstance(split, int) else 0)
    at = 0
    while at < len(whole):
        size = 1 if split == "bytes" else rng.randint(1, 64)
        yield whole[at : at + size]
        at += size


def _split(text: str) -> Split:
    return text if text in ("frames", "whole", "bytes") else int(text)  # type: ignore[return-value]


def _fault(text: str) -> str:
    if text not in get_args(Fault):
        raise ValueError(f"no fault named {text}; there are: {', '.join(get_args(Fault))}")
    return text


def _usage(text: str) -> Usage | None:
    """`none`, or input and output tokens as `11,7`."""
    if text == "none":
        return None
    given, made = text.split(",")
    return Usage(int(given), int(made))
