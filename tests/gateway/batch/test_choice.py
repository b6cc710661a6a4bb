"""Where a batch is to run."""

from typing import Any

import pytest

from pilothouse.call import Call
from pilothouse.config import Config, ProviderConfig
from pilothouse.gateway.batch.choice import Choice, choose
from pilothouse.gateway.batch.lines import Checked, Item
from pilothouse.providers.anthropic import AnthropicProvider
from pilothouse.providers.openai import OpenAIProvider

from ..conftest import gateway_of
from ..scripted import Recording

HI = [{"role": "user", "content": "Hi"}]
CHAT = "/v1/chat/completions"
OPENAI = {"provider": "openai", "model": "gpt-4o-mini"}
VLLM = {"provider": "vllm", "model": "llama"}
LONG = {"use": "length", "at_most": 9}
CLAUDE = {"provider": "anthropic", "model": "claude-sonnet-4-5"}


def decide(model: dict[str, Any], endpoint: str = CHAT, *, others: tuple[str, ...] = (), **more: Any) -> Choice:
    config = Config.model_validate(
        {"providers": {"openai": {}, "anthropic": {}, "vllm": {"kind": "openai", "base_url": "http://vllm/v1"}},
         "models": {"m": model, "other": {"deployments": [VLLM]}}, **more}
    )  # fmt: skip
    providers: dict[str, Any] = {
        "openai": OpenAIProvider("openai", ProviderConfig(api_key="k")),
        "vllm": OpenAIProvider("vllm", config.providers["vllm"]),
        "anthropic": AnthropicProvider("anthropic", ProviderConfig(api_key="k")),
    }
    body = (
        {"model": "m", "input": "x"}
        if endpoint == "/v1/embeddings"
        else {"model": "m", "messages": HI, "max_tokens": 9}
    )
    names = {name: line for line, name in enumerate(("m", *others), 1)}
    checked = Checked(len(names), names)
    return choose(gateway_of(config, providers), endpoint, checked, [Item(0, "a", body)], Call(Recording()))


def test_the_first_deployment_with_a_batch_api_gets_it() -> None:
    choice = decide({"deployments": [OPENAI]})
    assert choice.lane == "vendor"
    assert choice.vendor is not None
    assert (choice.vendor.provider, choice.vendor.model, choice.vendor.alias, choice.vendor.auto) == (
        "openai", "gpt-4o-mini", "m", True,
    )  # fmt: skip
    mixed = decide({"deployments": [{**VLLM, "weight": 1e9}, OPENAI], "batch": "vendor"})
    assert mixed.vendor is not None
    assert (mixed.vendor.provider, mixed.vendor.auto) == ("openai", False)


@pytest.mark.parametrize(
    ("model", "more"),
    [
        ({"deployments": [VLLM]}, {}),
        ({"deployments": [OPENAI], "batch": "own"}, {}),
        ({"deployments": [OPENAI]}, {"guards": {"policies": {"p": {"input": [LONG]}}, "default": "p"}}),
        ({"deployments": [OPENAI], "rules": [{"when": {"tools": True}, "use": "other"}]}, {}),
        ({"deployments": [{**OPENAI, "when": {"tools": False}}]}, {}),
        ({"deployments": [OPENAI]}, {"users": {"budgets": [{"usd": 1}]}}),
        ({"deployments": [OPENAI]}, {"others": ("other",)}),
    ],
)
def test_what_runs_here(model: dict[str, Any], more: dict[str, Any]) -> None:
    assert decide(model, **more) == Choice()


@pytest.mark.parametrize(
    ("model", "more", "why"),
    [
        ({"deployments": [VLLM]}, {}, "no deployment of it offers one for /v1/chat/completions"),
        ({"deployments": [OPENAI]}, {"users": {"budgets": [{"usd": 1}]}}, "end users have budgets"),
        ({"deployments": [OPENAI]}, {"others": ("other",)}, "this request names 'other'"),
    ],
)
def test_what_was_to_run_at_a_vendor_and_cannot(model: dict[str, Any], more: dict[str, Any], why: str) -> None:
    (error,) = decide({**model, "batch": "vendor"}, **more).errors
    assert why in error["message"]


@pytest.mark.parametrize(
    ("deployment", "endpoint", "lane"),
    [
        (OPENAI, "/v1/embeddings", "vendor"),
        (OPENAI, "/v1/messages", "own"),
        (CLAUDE, CHAT, "vendor"),
        (CLAUDE, "/v1/messages", "vendor"),
        (CLAUDE, "/v1/embeddings", "own"),
    ],
)
def test_a_vendor_gets_what_it_takes(deployment: dict[str, Any], endpoint: str, lane: str) -> None:
    assert decide({"deployments": [deployment]}, endpoint).lane == lane
