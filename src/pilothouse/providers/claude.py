"""How Claude models are asked to reason, whoever serves them. Knows nothing of request formats."""

import re

from pilothouse.providers.parameters import Effort
from pilothouse.types import Json

__all__ = ["JSON_INSTRUCTION", "reasoning"]

JSON_INSTRUCTION = "Answer with one JSON object and nothing else: no prose around it, no Markdown fence."
"""Stands in for `response_format: json_object`, which neither Anthropic nor Bedrock has."""

_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 4096, "high": 8192, "xhigh": 16384, "max": 16384}
_LEAST_BUDGET = 1024
_BUDGETED = re.compile(r"claude-(3|(opus|sonnet|haiku)-4(-[015])?([-@]\d{8}|-latest|-v\d|[@:]|$))")
"""Claude 3 to 4.5 think by a budget of tokens, later models by effort (docs: thinking, configuring thinking)."""


def reasoning(model: str, effort: Effort | None, max_tokens: int) -> tuple[Json | None, str | None]:
    """(`thinking`, effort level) that ask a Claude model for this much reasoning, each None where not to be said.

    A budget counts within `max_tokens`; where fewer than 1024 tokens fit, the model does not think.
    """
    if effort is None:
        return None, None
    if effort == "none":
        return {"type": "disabled"}, None
    if not _BUDGETED.search(model):
        return {"type": "adaptive", "display": "summarized"}, "low" if effort == "minimal" else effort
    budget = min(_BUDGETS[effort], max_tokens - 1)
    return ({"type": "enabled", "budget_tokens": budget} if budget >= _LEAST_BUDGET else None), None
