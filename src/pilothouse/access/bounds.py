"""The most that a call may cost, before a provider is asked. Plain arithmetic; knows nothing of budgets."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from pilothouse.observe import Priced, Prices
from pilothouse.types import ChatRequest, EmbedRequest, Json, ModelRequest

__all__ = ["DEFAULT_OUTPUT", "MOST_OUTPUT", "Bound", "bound", "first_unpriced", "input_tokens"]

DEFAULT_OUTPUT = 4096
"""Tokens of output that are reserved where neither the caller nor a policy sets a limit."""

MOST_OUTPUT = 1_000_000_000
"""Tokens of output that no answer goes beyond, whatever number a caller writes: sums of it stay exact everywhere, also
in Redis, whose numbers are exact up to 2^53."""

PER_MESSAGE = 16  # what chat templates put around a message: 3 or 4 tokens at OpenAI, up to a dozen elsewhere
PER_IMAGE = 5_000  # above what the larger models count for their largest image; gpt-4o-mini alone counts far more
_AUDIO_BYTES_PER_TOKEN = 100  # base64 of the leanest common codec, at ten tokens a second
_encode = msgspec.json.Encoder().encode


class Bound(NamedTuple):
    """The most that a call may take: `nano` (nano-USD) is None where no candidate has a known price; `complete` says
    that all of them have one."""

    nano: int | None
    tokens: int
    complete: bool


def bound(
    prices: Prices,
    candidates: tuple[Priced, ...],
    request: ModelRequest,
    attempts: int,
    at_us: int,
    *,
    output: int | None = None,
) -> Bound:
    """What a call may take at most: its dearest candidate, `attempts` times.

    `output` is the policy's max_tokens for callers who set none, else 4,096: a provider may then write more than was
    reserved. The input is bounded by `input_tokens`.
    """
    read = input_tokens(request)
    written, units = (
        (_output_tokens(request, output), 1) if isinstance(request, ChatRequest) else (0, request.most_units())
    )
    dearest, complete = prices.dearest(candidates, read, written, at_us, units=units)
    return Bound(None if dearest is None else dearest * attempts, (read + written) * attempts, complete)


def first_unpriced(prices: Prices, candidates: Iterable[Priced], request: ModelRequest, at_us: int) -> str | None:
    """A candidate whose price for such a request is unknown, as `'model' at 'provider'`; None where every price is
    known."""
    written = int(isinstance(request, ChatRequest))
    for candidate in candidates:
        name = candidate.provider.name
        if prices.most(candidate.price_kind, candidate.model, 1, written, at_us, provider=name) is None:
            return f"'{candidate.model}' at '{name}'"
    return None


def input_tokens(request: ModelRequest) -> int:
    """No fewer tokens than the input can be, from the UTF-8 bytes of its texts, tools and schemas.

    A byte-level BPE token stands for at least one byte, so a text has at most as many tokens as bytes. Messages and
    images get an allowance on top (images are counted by their size, which is not looked at: an estimate), audio one
    token per 100 bytes.
    """
    if isinstance(request, EmbedRequest):
        return _prompt(request.body["input"])
    if not isinstance(request, ChatRequest):
        return sum(map(_bytes, request.input_texts()))
    if request.operation == "text_completion":
        return PER_MESSAGE + _prompt(request.body["prompt"])
    body, total = request.as_chat.body, PER_MESSAGE
    for message in request.messages:
        content = message.get("content")
        if isinstance(content, str):
            total += PER_MESSAGE + (len(content) if content.isascii() else _bytes(content))
        else:
            total += PER_MESSAGE + sum(map(_part, content or ()))
        if len(message) > 2:
            total += sum(len(_encode(v)) for k, v in message.items() if k not in ("role", "content"))
    for name in ("tools", "functions", "response_format"):
        if (given := body.get(name)) is not None:
            total += len(_encode(given))
    return total


def _output_tokens(request: ChatRequest, default: int | None) -> int:
    """Callers choose these numbers: one that is not positive bounds nothing (llama.cpp's -1 means no limit)."""
    body = request.as_chat.body
    asked = max(_positive(body.get("max_completion_tokens")), _positive(body.get("max_tokens")))
    written = asked or default or DEFAULT_OUTPUT
    if "n" in body or "best_of" in body:
        written *= max(_positive(body.get("n")), _positive(body.get("best_of")), 1)
    return min(written, MOST_OUTPUT)


def _positive(given: object) -> int:
    return given if isinstance(given, int) and given > 0 else 0


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _part(part: Json) -> int:
    kind = part.get("type")
    if kind == "text":
        return _bytes(part.get("text") or "")
    if kind == "image_url":
        return PER_IMAGE
    if kind == "input_audio":
        return PER_MESSAGE + len(_encode(part)) // _AUDIO_BYTES_PER_TOKEN
    return len(_encode(part))


def _prompt(given: object) -> int:
    """Bytes of texts; token ids, of which there are as many as there are."""
    if isinstance(given, str):
        return _bytes(given)
    return sum(1 if isinstance(item, int) else _prompt(item) for item in given) if isinstance(given, list) else 0
