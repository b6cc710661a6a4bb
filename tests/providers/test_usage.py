"""Counts that a vendor reports, and what stands there that is none."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from pilothouse.config import ProviderConfig
from pilothouse.providers import anthropic_wire, bedrock_wire, google_wire
from pilothouse.providers.openai import OpenAIProvider
from pilothouse.providers.usage import believable, counted, openai_usage
from pilothouse.testing import ask, chat_request
from pilothouse.types import Usage

HEAD = '"id":"c","object":"chat.completion.chunk","created":1,"model":"m"'
NONE = (-1, 2**60, 10**400, "12", math.nan, math.inf, True, [], {})
SHAPES: list[tuple[Callable[[Any], Usage | None], str, str, str]] = [
    (openai_usage, "prompt_tokens", "completion_tokens", "prompt_cache_hit_tokens"),
    (anthropic_wire.read_usage, "input_tokens", "output_tokens", "cache_read_input_tokens"),
    (bedrock_wire.usage_of, "inputTokens", "outputTokens", "cacheReadInputTokens"),
    (google_wire.usage_of, "promptTokenCount", "candidatesTokenCount", "cachedContentTokenCount"),
]


@pytest.mark.parametrize(("read", "taken", "made", "cached"), SHAPES)
@pytest.mark.parametrize("odd", NONE)
def test_what_is_no_count_is_taken_for_none(
    read: Callable[[Any], Usage | None], taken: str, made: str, cached: str, odd: Any
) -> None:
    assert read({taken: odd, made: 5}) is None
    assert read({taken: 7, made: odd}) is None
    assert read({taken: 7, made: 5, cached: odd}) == Usage(7, 5), "a share is left out"
    assert read({taken: 7.0, made: 5.0}) == Usage(7, 5), "whole numbers, whatever they are written as"
    assert read(odd if odd != {} else None) is None


def test_one_side_may_be_untold() -> None:
    assert counted(7, None) == Usage(7, 0)
    assert counted(None, 5) == Usage(0, 5)
    assert counted(None, None) is None


def test_what_is_made_already_is_held_to_the_same() -> None:
    assert believable(Usage(7, 5, 3)) == Usage(7, 5, 3)
    assert believable(Usage(-1, 5)) is believable(Usage(7, 2**60)) is None
    assert believable(Usage(7, 5, -1, units=2)) == Usage(7, 5, units=2)


async def test_an_answer_with_an_odd_report_is_an_answer(upstream: Any) -> None:
    """The vendor has charged for it by then: the caller has it, and an estimate is charged."""
    provider = OpenAIProvider("odd", ProviderConfig(base_url=upstream.url))
    for odd in ('{"prompt_tokens":"12","completion_tokens":3.5e30}', '"unknown"', "[7]"):
        upstream.sse(
            f'{{{HEAD},"choices":[{{"index":0,"delta":{{"content":"Hi"}},"finish_reason":"stop"}}],"usage":{odd}}}',
            "[DONE]",
        )
        got = await ask(provider, chat_request(stream=True))
        assert (got.text, got.usage) == ("Hi", None)
    await provider.aclose()
