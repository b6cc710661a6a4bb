import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
import pytest

from pilothouse.call import Call
from pilothouse.errors import BudgetExceeded, ProviderRejected, ProviderUnavailable
from pilothouse.lifecycle.sentinel.asking import Asker
from pilothouse.lifecycle.sentinel.plan import Golden, Target
from pilothouse.testing.record import MemoryRecorder
from pilothouse.types import ChatChunk, ChatRequest, Json

from .conftest import Words

TARGET = Target("a", "pool/a", "pool")
ASKED = [Golden("one", [{"role": "user", "content": "One?"}], "One?"), Golden("two", [{"role": "user", "content": "Two?"}], "Two?")]  # fmt: skip  # noqa: E501


class Vendor:
    """A Chat that says its `answers` one after the other, the last one for ever."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), list[Json]()

    async def __call__(self, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        self.asked.append(request.body)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        yield ChatChunk(answer if isinstance(answer, bytes) else said(answer))


def said(text: str) -> bytes:
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    whole = {"model": "a-1", "system_fingerprint": "fp", "choices": [choice], "usage": {"completion_tokens": 3}}
    return msgspec.json.encode(whole)


def asker(vendor: Vendor, **params: Any) -> Asker:
    return Asker(vendor, Words(), lambda: Call(MemoryRecorder()), params, 1)  # type: ignore[arg-type]


async def test_what_comes_with_an_answer_is_kept() -> None:
    vendor = Vendor("Yes.")
    answers = await asker(vendor, max_tokens=5).ask(TARGET, ASKED)
    one = answers["one"]
    assert (one.text, one.model, one.fingerprint, one.finish, one.tokens) == ("Yes.", "a-1", "fp", "stop", 3)
    assert one.vector == answers["two"].vector is not None
    assert vendor.asked[0] == {
        "model": "pool/a", "temperature": 0, "max_tokens": 5, "messages": ASKED[0].messages,
    }  # fmt: skip


async def test_a_temperature_that_is_refused_is_left_out_from_then_on() -> None:
    refused = ProviderRejected("Unsupported value: 'temperature' does not support 0 with this model.")
    vendor = Vendor(refused, "Yes.")
    answers = await asker(vendor).ask(TARGET, ASKED)
    assert [one.text for one in answers.values()] == ["Yes.", "Yes."]
    assert ["temperature" in body for body in vendor.asked] == [True, False, False]
    mine = await asker(Vendor(refused, "Yes."), temperature=0.5).ask(TARGET, ASKED[:1])
    assert mine["one"].error is not None, "one's own temperature is not dropped"


async def test_a_call_that_fails_is_an_answer_with_its_error() -> None:
    answers = await asker(Vendor(ProviderUnavailable("It is away."), "Yes.")).ask(TARGET, ASKED)
    assert (answers["one"].error, answers["two"].text) == ("It is away.", "Yes.")
    assert answers["one"].vector is None


@pytest.mark.parametrize("body", [b"[]", b"\xff", b"{}", b'{"choices": []}'])
async def test_a_broken_answer_says_nothing(body: bytes) -> None:
    assert (await asker(Vendor(body)).ask(TARGET, ASKED))["one"].text == ""


async def test_what_is_held_by_running_calls_is_waited_for_and_a_spent_budget_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited = list[float]()

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    answers = await asker(Vendor(BudgetExceeded("Held.", retry_after=1.0), "Yes.")).ask(TARGET, ASKED[:1])
    assert (answers["one"].text, waited) == ("Yes.", [1.0])
    with pytest.raises(BudgetExceeded):
        await asker(Vendor(BudgetExceeded("Spent."))).ask(TARGET, ASKED)
