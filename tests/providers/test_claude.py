"""How much a Claude model is asked to think."""

import pytest

from pilothouse.providers.claude import reasoning
from pilothouse.types import Json

ADAPTIVE = {"type": "adaptive", "display": "summarized"}


@pytest.mark.parametrize(
    "model",
    [
        "claude-3-7-sonnet-20250219", "claude-opus-4-20250514", "claude-opus-4-0", "claude-opus-4-1-20250805",
        "claude-sonnet-4@20250514", "claude-haiku-4-5", "claude-sonnet-4-5-20250929", "claude-opus-4-5-latest",
        "eu.anthropic.claude-opus-4-20250514-v1:0", "anthropic.claude-sonnet-4-5-20250929-v1:0",
    ],
)  # fmt: skip
def test_a_budget(model: str) -> None:
    assert reasoning(model, "medium", 32_000) == ({"type": "enabled", "budget_tokens": 4096}, None)


@pytest.mark.parametrize(
    "model",
    [
        "claude-opus-4-6", "claude-sonnet-4-6", "claude-opus-4-7-20260401", "claude-sonnet-5", "claude-opus-5-5",
        "claude-fable-5", "global.anthropic.claude-opus-4-6-v1", "wire-model",
    ],
)  # fmt: skip
def test_an_effort(model: str) -> None:
    assert reasoning(model, "medium", 32_000) == (ADAPTIVE, "medium")
    assert reasoning(model, "minimal", 32_000) == (ADAPTIVE, "low")


@pytest.mark.parametrize(("limit", "thinking"), [(4000, {"type": "enabled", "budget_tokens": 3999}), (1024, None)])
def test_a_budget_stays_below_the_limit(limit: int, thinking: Json | None) -> None:
    assert reasoning("claude-haiku-4-5", "high", limit) == (thinking, None)


@pytest.mark.parametrize("model", ["claude-opus-5-5", "claude-haiku-4-5"])
def test_none_and_nothing(model: str) -> None:
    assert reasoning(model, "none", 9000) == ({"type": "disabled"}, None)
    assert reasoning(model, None, 9000) == (None, None)
