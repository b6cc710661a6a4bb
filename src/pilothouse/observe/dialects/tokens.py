"""Tokens and money of one call, in the words of those who count them differently. Knows no attribute names.

Our input tokens include cached ones, and so do GenAI's and OpenInference's. Anthropic, and Langfuse's own usage keys,
count them beside the input; raw OpenAI usage, which Langfuse's OpenAI wrapper sends, within.
"""

from typing import Any

from pilothouse.observe.dialects.values import money, whole
from pilothouse.types import Json, Usage

__all__ = ["cost_of", "tokens", "usage_of"]

_RAW_IN, _RAW_OUT = "input_tokens", "output_tokens"


def tokens(
    read: int | None, written: int | None, total: int | None = None, cached: int | None = None,
    cache_write: int | None = None, reasoning: int | None = None,
) -> Usage | None:  # fmt: skip
    """Usage whose `read` includes the cached tokens. Where it cannot, being smaller than they are, it is what Anthropic
    counts. None where nobody counted."""
    if read is None and written is None and total is None:
        return None
    aside = (cached or 0) + (cache_write or 0)
    if read is None:
        read = max(aside, (total or 0) - (written or 0))
    if read < aside:
        read += aside
    if written is None:
        written = max(0, total - read) if total is not None else 0
    return Usage(read, written, cached or 0, cache_write or 0, reasoning or 0)


def usage_of(details: Any) -> Usage | None:
    """Tokens from Langfuse's `usage_details`, its older `usage`, or a vendor's own usage. None where there are none."""
    if not isinstance(details, dict):
        return None
    told = {name: count for name, value in details.items() if (count := whole(value)) is not None}
    if "prompt_tokens" in told or "promptTokens" in told or "input_tokens_details" in details:
        return _openai(details, told)
    reads = [name for name in told if "cache" in name and ("read" in name or "cached" in name)]
    writes = [name for name in told if "cache" in name and ("creation" in name or "write" in name)]
    cached, cache_write = sum(told[name] for name in reads), sum(told[name] for name in writes)
    others = sum(n for name, n in told.items() if name.startswith("input_") and name not in (*reads, *writes, _RAW_IN))
    plain = told.get("input", told.get(_RAW_IN))
    reasoning = sum(n for name, n in told.items() if "reasoning" in name)
    beside = sum(n for name, n in told.items() if name.startswith("output_") and name != _RAW_OUT)
    written = told.get("output", told.get(_RAW_OUT))
    if plain is None and not (cached or cache_write or others):
        return tokens(None, None if written is None else written + beside, told.get("total"), reasoning=reasoning)
    return Usage((plain or 0) + others + cached + cache_write, (written or 0) + beside, cached, cache_write, reasoning)


def cost_of(details: Any) -> int | None:
    """Nano-USD from Langfuse's `cost_details`: its total, else the sum of its parts."""
    if not isinstance(details, dict):
        return None
    total = money(details.get("total"))
    parts = [nano for name, value in details.items() if name != "total" and (nano := money(value)) is not None]
    return total if total is not None else sum(parts) if parts else None


def _openai(details: Json, told: dict[str, int]) -> Usage | None:
    """OpenAI's own usage object, of chat completions or of responses."""
    read = details.get("prompt_tokens_details") or details.get("input_tokens_details")
    written = details.get("completion_tokens_details") or details.get("output_tokens_details")
    of_read, of_written = (part if isinstance(part, dict) else {} for part in (read, written))

    def first(*names: str) -> int | None:
        return next((told[name] for name in names if name in told), None)

    return tokens(
        first("prompt_tokens", "promptTokens", _RAW_IN),
        first("completion_tokens", "completionTokens", _RAW_OUT),
        first("total_tokens", "totalTokens"),
        whole(of_read.get("cached_tokens")),
        whole(of_read.get("cache_write_tokens")),
        whole(of_written.get("reasoning_tokens")),
    )
