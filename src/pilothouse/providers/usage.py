"""What a provider reports as used, believed or not: plain functions over counts as they come from a wire.

A provider's report is money and limits here, and it comes after the work was done: a count that cannot be one is taken
for none, and never fails the answer. Knows no vendor's format.
"""

from typing import Any

from pilothouse.types import Json, Usage

__all__ = ["MOST_TOKENS", "believable", "count", "counted", "openai_usage", "part_of", "with_input"]

MOST_TOKENS = 2**27
"""More than any one call can take; what it costs at the dearest price still fits every counter and the ledger."""


def counted(
    read: Any, written: Any, cached: Any = None, cache_write: Any = None, reasoning: Any = None
) -> Usage | None:
    """Usage of counts as JSON holds them. None where neither input nor output is told, or one of them is no count: an
    estimate is nearer than 0, or than all that a budget has. A share that is no count is left out."""
    if read is None and written is None:
        return None
    taken, made = count(0 if read is None else read), count(0 if written is None else written)
    if taken is None or made is None:
        return None
    return Usage(taken, made, count(cached) or 0, count(cache_write) or 0, count(reasoning) or 0)


def with_input(usage: Usage, more: int, output: int = 0) -> Usage:
    """With input, and output, that a vendor reports apart; ours includes it."""
    u = usage
    read, written = u.input_tokens + more, u.output_tokens + output
    return Usage(read, written, u.cached_tokens, u.cache_write_tokens, u.reasoning_tokens)


def believable(usage: Usage) -> Usage | None:
    """The same for a Usage that is made already, by whatever provider."""
    u = usage
    shares = (u.cached_tokens, u.cache_write_tokens, u.reasoning_tokens)
    if not (0 <= u.input_tokens <= MOST_TOKENS and 0 <= u.output_tokens <= MOST_TOKENS):
        return None
    if min(shares) >= 0 and max(shares) <= MOST_TOKENS:
        return usage
    cached, cache_write, reasoning = (share if 0 <= share <= MOST_TOKENS else 0 for share in shares)
    return Usage(u.input_tokens, u.output_tokens, cached, cache_write, reasoning, u.estimated, u.units)


def openai_usage(told: Any, read: str = "prompt", written: str = "completion") -> Usage | None:
    """Of the `usage` object of OpenAI's chat, with `input` and `output` of its responses. `prompt_cache_hit_tokens` is
    DeepSeek's word for cached tokens."""
    if not isinstance(told, dict):
        return None
    taken, made = part_of(told, f"{read}_tokens_details"), part_of(told, f"{written}_tokens_details")
    return counted(
        told.get(f"{read}_tokens"),
        told.get(f"{written}_tokens"),
        taken.get("cached_tokens") or told.get("prompt_cache_hit_tokens"),
        taken.get("cache_write_tokens"),
        made.get("reasoning_tokens"),
    )


def part_of(told: Any, name: str) -> Json:
    """An object inside what was told; empty where there is none, or something else."""
    part = told.get(name) if isinstance(told, dict) else None
    return part if isinstance(part, dict) else {}


def count(value: Any) -> int | None:
    """A count that JSON tells, None where it cannot be one. Some vendors write theirs as floats."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS:
        return int(value)
    return None
