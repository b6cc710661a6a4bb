from pathlib import Path

import pytest

from pilothouse.cli.detect import Known, detect
from pilothouse.cli.init import render
from pilothouse.config import Config, ProviderConfig
from pilothouse.snapshot import read_config
from pilothouse.testing.openai_server import OpenAIServer


async def test_a_local_server_that_answers_is_found() -> None:
    async with OpenAIServer() as server:
        there = Known("ollama", ProviderConfig(kind="openai", base_url=f"{server.url}/v1", api_key="x"), None)
        gone = Known("vllm", ProviderConfig(kind="openai", base_url="http://127.0.0.1:9/v1"), None)
        (found,) = await detect({}, [there, gone])
    assert found.provider == "ollama"
    assert found.model
    assert server.url in found.reason


async def test_nothing_at_hand_is_no_error() -> None:
    assert await detect({}, []) == []


async def test_a_key_counts_even_when_its_provider_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pilothouse.cli.detect.PROBE_TIMEOUT", 0.01)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    (found,) = await detect({"OPENAI_API_KEY": "sk-test"}, [])
    assert found.provider == "openai"
    assert found.reason == "OPENAI_API_KEY is set"


async def test_what_was_found_becomes_a_valid_configuration() -> None:
    async with OpenAIServer() as server:
        config = ProviderConfig(kind="openai", base_url=f"{server.url}/v1", api_key="x")
        found = await detect({}, [Known("ollama", config, None), Known("vllm", config, None)])
    read = read_config(Path("x.yaml"), render(found))
    assert read.models["smart"].fallbacks.any == ["vllm"]
    assert read.rag.answer_model == "smart"
    assert read.providers["ollama"].base_url == config.base_url
    nothing = read_config(Path("x.yaml"), render([]))
    assert nothing.models["smart"].deployments[0].id == "builtin/extractive"
    chosen = read_config(Path("x.yaml"), render([], "openai/gpt-4.1"))
    assert chosen.providers["openai"].api_key == "${OPENAI_API_KEY}"
    assert chosen != Config()
