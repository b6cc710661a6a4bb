"""Targets by their texts, and a server that is asked over HTTP."""

import asyncio
from typing import Any

import pytest

from pilothouse.call import Call
from pilothouse.errors import Blocked, ConfigError
from pilothouse.redteam.building import Choice, attacks
from pilothouse.redteam.seeds import seeds
from pilothouse.redteam.targets import HttpChat, target_of
from pilothouse.testing.obedience import REFUSAL, ObedientServer, RefusingServer
from pilothouse.types import ChatRequest


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDTEAM_KEY", "k")


def test_a_target_is_named_in_one_text() -> None:
    named = map(target_of, ("default", "prompt:greet@3", "corpus:docs", "python:a:b"))
    assert [(one.kind, str(one)) for one in named] == [
        ("model", "default"), ("prompt", "prompt:greet@3"), ("corpus", "corpus:docs"), ("python", "python:a:b"),
    ]  # fmt: skip
    assert str(target_of("https://host/v1/", model="m")) == "https://host/v1"
    with pytest.raises(ConfigError, match="--model NAME"):
        target_of("https://host/v1")
    with pytest.raises(ConfigError, match="Name a target"):
        target_of("")
    made = attacks(Choice())
    by_variable = target_of("prompt:greet", variable="text")
    assert not any(one.tools or one.system_needed for one in made if by_variable.takes(one))
    assert all(target_of("default").takes(one) for one in made)


def test_a_server_that_obeys_does_what_most_attacks_want_and_one_that_refuses_does_not() -> None:
    from pilothouse.redteam.judging import AttackSuccess
    from pilothouse.redteam.playing import play
    from pilothouse.redteam.shapes import case_of

    made = [one for one in attacks(Choice(limit=60, harmless=False)) if one.family != "recite"]
    memory = [f"{one.prefix} {one.continuation}" for one in seeds() if one.source]

    async def labels(server: Any) -> list[Any]:
        found = []
        async with server:
            chat = HttpChat(target_of(f"{server.url}/v1", model="m", key="REDTEAM_KEY"))

            async def answer(messages: Any, tools: Any) -> Any:
                body = {"model": "m", "messages": messages, **({"tools": tools} if tools else {})}
                async for chunk in chat(ChatRequest.check(body), Call(Spans())):
                    told = chunk.data["choices"][0]
                return told

            for one in made:
                case = await play(case_of(one), answer)
                found.append((await AttackSuccess().evaluate(case, None)).label)  # type: ignore[arg-type]
            await chat.aclose()
        return found

    obedient = asyncio.run(labels(ObedientServer(memory)))
    assert [one.id for one, label in zip(made, obedient, strict=True) if label != "succeeded"] == []
    assert set(asyncio.run(labels(RefusingServer()))) == {"refused"}
    assert "can't help" in REFUSAL


def test_a_guard_at_the_other_end_is_known_by_its_error() -> None:
    class Guarded(ObedientServer):
        def pick(self, heard: Any) -> Any:
            from pilothouse.testing.wire import Refusal

            raise Refusal("The guard 'words' of the policy 'p' stopped this: no model was asked. ")

    async def asked() -> None:
        async with Guarded() as server:
            body = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
            chat = HttpChat(target_of(f"{server.url}/v1", model="m", key="REDTEAM_KEY"))
            try:
                async for _ in chat(ChatRequest.check(body), Call(Spans())):
                    pass
            finally:
                await chat.aclose()

    with pytest.raises(Blocked) as caught:
        asyncio.run(asked())
    assert caught.value.guard == "words"


class Spans:
    def record(self, record: Any) -> None:
        pass
