"""Models by their makers."""

import pytest

from pilothouse.evals.cards.makers import maker


@pytest.mark.parametrize(
    ("model", "who"),
    [
        ("openai/gpt-4o-mini", "openai"),
        ("gpt4o", "openai"),
        ("o3-mini", "openai"),
        ("us.anthropic.claude-3-haiku-20240307-v1:0", "anthropic"),
        ("meta-llama/Llama-3.1-8B", "meta"),
        ("models/gemini-2.0-flash", "google"),
        ("mistralai/Mixtral-8x7B", "mistral"),
        ("cerebras-gpt-6.7B", "cerebras"),
        ("llama-7b tuned as PandaLM", "meta"),
        ("philosopher-2", "philosopher"),
        ("house/default", "default"),
        ("default (openai/gpt-4o, azure/gpt-4.1)", "openai"),
        ("one (openai/gpt-4o), other (anthropic/claude-3-haiku)", ""),
        ("7b", "7b"),
        ("", ""),
    ],
)
def test_the_maker_is_told_by_the_name(model: str, who: str) -> None:
    assert maker(model) == who
