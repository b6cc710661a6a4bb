"""How one side asks."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from pilothouse.call import Call
from pilothouse.cases import Case
from pilothouse.evals.runs.rooms import Rooms
from pilothouse.evals.runs.subject import Asking, TaskFailed
from pilothouse.evals.runs.turns import Turn
from pilothouse.lifecycle.diff.asking import BESIDE, RECORDED, SideSubject, beside_rooms, priced_as_recorded
from pilothouse.testing.record import new_call
from pilothouse.types import ChatChunk, ChatRequest, Json

CHAT = {"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Why?"}]}


class Answering:
    """A chat that takes down what it is asked."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.asked: list[Json] = []

    async def __call__(self, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        self.asked.append(request.body)
        yield ChatChunk(b'{"choices": [{"message": {"role": "assistant", "content": "Because."}}]}')


def run(subject: SideSubject, case: Case) -> tuple[Case, Json]:
    chat = Answering()
    made = asyncio.run(subject.run(case, Asking(chat, new_call()), Turn(trace_id="t")))
    return made, chat.asked[0]


def rooms(name: str, chat: Answering) -> Rooms:
    async def fingerprint(model: str) -> str:
        return f"{name}/{model}"

    async def price(model: str, read: int, wrote: int) -> int | None:
        return None if model == "dear" else len(model) * read

    unused: Any = None
    return Rooms(unused, Path(), chat, unused, fingerprint, price)


def test_a_recorded_chat_is_asked_as_it_was() -> None:
    requests = {"1": {"model": "fast", "temperature": 0.5}}
    made, asked = run(SideSubject(RECORDED, None, {}, requests), Case(id="1", input=CHAT))
    assert asked == {"temperature": 0.5, "model": "fast", **CHAT}
    assert made.output == "Because."
    _, asked = run(SideSubject("slow", None, {"temperature": 0}, requests), Case(id="1", input=CHAT))
    assert asked == {"temperature": 0, "model": "slow", **CHAT}
    _, asked = run(SideSubject(f"{BESIDE}{RECORDED}", None, {}, requests, BESIDE), Case(id="1", input=CHAT))
    assert asked["model"] == "beside:fast"
    with pytest.raises(TaskFailed, match="No model was recorded"):
        run(SideSubject(RECORDED, None, {}, {}), Case(id="1", input=CHAT))


def test_the_input_of_a_prompt_is_the_last_question_of_a_chat() -> None:
    templates = [{"role": "user", "content": "Q: {input}"}]
    for given in (CHAT, "Why?"):
        made, asked = run(SideSubject("fast", templates, {}, {}), Case(id="1", input=given))
        assert asked["messages"] == [{"role": "user", "content": "Q: Why?"}]
        assert made.input == given
    with pytest.raises(TaskFailed, match="metadata"):
        run(SideSubject("fast", [{"role": "user", "content": "{metadata.x}"}], {}, {}), Case(id="1", input="q"))


def test_only_the_task_is_asked_beside() -> None:
    serving, beside = Answering("serving"), Answering("beside")
    both = beside_rooms(rooms("serving", serving), rooms("beside", beside), "c0ffee")

    async def ask(model: str) -> None:
        async for _ in both.chat(ChatRequest.check({"model": model, **CHAT}), new_call()):
            pass

    async def whole() -> list[str]:
        await ask("judge")
        await ask("beside:fast")
        return [await both.fingerprint(name) for name in ("judge", "beside:fast", "beside:rag:docs")]

    found = asyncio.run(whole())
    assert [one["model"] for one in serving.asked] == ["judge"]
    assert [one["model"] for one in beside.asked] == ["fast"]
    assert found[:2] == ["serving/judge", "beside/fast"]
    assert "docs" not in found[2]  # a hash with that of the configuration


def test_the_price_of_calls_as_recorded_is_the_mean_over_their_models() -> None:
    requests = {"1": {"model": "ab"}, "2": {"model": "ab"}, "3": {"model": "abcde"}}
    subject = SideSubject(RECORDED, None, {}, requests)
    priced = priced_as_recorded(rooms("", Answering()), subject)
    unknown = SideSubject(RECORDED, None, {}, {**requests, "4": {"model": "dear"}})

    async def whole() -> list[int | None]:
        other = priced_as_recorded(rooms("", Answering()), unknown)
        return [
            await one.price(name, 100, 1) for one, name in ((priced, RECORDED), (priced, "judge"), (other, RECORDED))
        ]

    assert asyncio.run(whole()) == [300, 500, None]
    assert subject.asked() == {"ab": 2, "abcde": 1}
