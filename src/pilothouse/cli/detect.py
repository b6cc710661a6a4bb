"""Finds a model to use: API keys in the environment, model servers on their usual local ports."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pilothouse.config import ProviderConfig
from pilothouse.errors import PilothouseError
from pilothouse.plugins import Registry
from pilothouse.protocols import Provider

__all__ = ["Found", "Known", "detect", "known_provider"]

PROBE_TIMEOUT = 3.0  # seconds for a hosted API to list its models
LOCAL_TIMEOUT = 0.4  # seconds for a local port to answer


@dataclass(frozen=True, slots=True)
class Found:
    """A provider that can be used: how to configure it, the model to ask, and why it was chosen."""

    provider: str
    config: ProviderConfig
    model: str
    reason: str


@dataclass(frozen=True, slots=True)
class Known:
    """A provider worth looking for: by the `variable` that holds its key, or at its local address."""

    provider: str
    config: ProviderConfig
    variable: str | None
    preferred: tuple[str, ...] = ()


_HOSTED = (
    Known(
        "openai",
        ProviderConfig(api_key="${OPENAI_API_KEY}"),
        "OPENAI_API_KEY",
        ("gpt-5-mini", "gpt-4.1-mini", "gpt-4o-mini"),
    ),
    Known(
        "anthropic",
        ProviderConfig(api_key="${ANTHROPIC_API_KEY}"),
        "ANTHROPIC_API_KEY",
        ("claude-haiku-4-5", "claude-sonnet-4-5"),
    ),
    Known(
        "google",
        ProviderConfig(api_key="${GEMINI_API_KEY}"),
        "GEMINI_API_KEY",
        ("gemini-2.5-flash", "gemini-2.0-flash"),
    ),
)
LOCAL = (
    Known("ollama", ProviderConfig(kind="openai", base_url="http://127.0.0.1:11434/v1"), None),
    Known("vllm", ProviderConfig(kind="openai", base_url="http://127.0.0.1:8000/v1"), None),
)


def known_provider(name: str) -> ProviderConfig | None:
    """How to reach a provider that this file knows by name."""
    return next((k.config for k in (*_HOSTED, *LOCAL) if k.provider == name), None)


async def detect(env: Mapping[str, str] | None = None, local: Sequence[Known] = LOCAL) -> list[Found]:
    """What is at hand, hosted providers first. A key whose provider cannot be reached still counts."""
    env = os.environ if env is None else env
    known = [k for k in _HOSTED if k.variable and env.get(k.variable)]
    found = await asyncio.gather(*(_probe(k) for k in (*known, *local)))
    return [f for f in found if f is not None]


async def _probe(known: Known) -> Found | None:
    provider: Provider = Registry("pilothouse.providers").get(known.config.kind or known.provider)(
        known.provider, known.config
    )
    hosted = known.variable is not None
    try:
        async with asyncio.timeout(PROBE_TIMEOUT if hosted else LOCAL_TIMEOUT):
            models = await provider.models()
    except (PilothouseError, TimeoutError):
        models = []
    finally:
        await provider.aclose()
    if hosted:
        reason = f"{known.variable} is set"
        model = next(
            (p for p in known.preferred if any(p == m.removeprefix("models/") for m in models)), known.preferred[0]
        )
        return Found(known.provider, known.config, model, reason)
    chat = [m for m in models if "embed" not in m]
    return (
        Found(known.provider, known.config, chat[0], f"a server answers at {known.config.base_url}") if chat else None
    )
