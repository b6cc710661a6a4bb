"""Nothing is asked twice: not of the same run, not by another, not at the same time. Failures are asked again."""

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from pilothouse.call import Call
from pilothouse.errors import BudgetExceeded, ProviderError, ProviderProtocolError, RateLimited
from pilothouse.evals.judges.asking import OF_NO_CASE
from pilothouse.evals.runs import remembered as module
from pilothouse.evals.runs.book import AnswerBook
from pilothouse.evals.runs.remembered import Remembered
from pilothouse.evals.runs.throttle import Throttle
from pilothouse.evals.runs.turns import Turn
from pilothouse.storage import Store
from pilothouse.types import ChatRequest, ChatResponse

from ..judges.conftest import Scripted
from .conftest import echo


class Asker:
    """Asks through what one run remembers."""

    def __init__(
        self, store: Store, home: Path, chat: Scripted, run: str = "r", version: str = "1", **how: Any
    ) -> None:
        async def fingerprint(model: str) -> str:
            return f"{model} {version}"

        self.chat, self.run = chat, run
        self.book = AnswerBook(store, home, "default", run)
        self.throttle = Throttle(4, sleep=self.slept, **how)
        self.waits = list[float]()
        self.remembered = Remembered(chat, self.book, self.throttle, run, fingerprint)

    async def slept(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.throttle._paused_until = float("-inf")

    async def __call__(
        self, text: str, turn: Turn | None = None, metadata: dict[str, str] | None = None, **body: Any
    ) -> str:
        turn = turn or Turn(trace_id=f"trace of {self.run}")
        call = Call(self.chat.recorder, trace_id=turn.trace_id, metadata=metadata or {})
        request = ChatRequest.check({"model": "m", "messages": [{"role": "user", "content": text}], **body})
        async with aclosing(self.remembered.of(turn)(request, call)) as chunks:
            return "".join([ChatResponse(chunk.data).text async for chunk in chunks])


@pytest.fixture
def chat() -> Scripted:
    return Scripted(echo)


async def test_the_same_question_is_asked_once_however_many_ask(
    small_store: Store, tmp_path: Path, chat: Scripted
) -> None:
    first = Asker(small_store, tmp_path, chat)
    mine, other = Turn(trace_id="one"), Turn(trace_id="two")
    assert await asyncio.gather(first("a", mine), first("a", other), first("b", other)) == ["a", "a", "b"]
    assert sorted(chat.prompts) == ["a", "b"]
    assert {mine.paid_nano, other.paid_nano} == {7}  # who was second paid for its other question alone
    assert (first.throttle.spent_nano, mine.cached or other.cached) == (14, False)
    await first.book.aclose()
    second, later = Asker(small_store, tmp_path, chat, "r2"), Turn(trace_id="three")
    assert await second("a", later) == "a"
    assert (later.cached, later.cost_nano, later.paid_nano, second.throttle.spent_nano) == (True, 7, 0, 0)
    assert len(chat.asked) == 2
    ids = {call.request_id for call in chat.calls}
    assert len(ids) == 2
    assert all(one.startswith("eval_") for one in ids)
    await second.book.aclose()


async def test_whatever_an_answer_depends_on_makes_another_question(
    small_store: Store, tmp_path: Path, chat: Scripted
) -> None:
    ask = Asker(small_store, tmp_path, chat)
    await ask("a")
    await ask("a", temperature=1)
    await ask("a", Turn(trace_id="t", trial=1))
    await ask("a", Turn(trace_id="t", source=("trace", None)))
    await ask("a", stream=True)  # is no other question, and is asked whole
    assert len(chat.asked) == 4
    await ask.book.aclose()
    changed = Asker(small_store, tmp_path, chat, version="2")
    await changed("a")
    await changed.book.aclose()
    assert len(chat.asked) == 5


async def test_what_hangs_on_no_case_is_asked_once_whichever_case_is_first(
    small_store: Store, tmp_path: Path, chat: Scripted
) -> None:
    ask, shared = Asker(small_store, tmp_path, chat), {OF_NO_CASE: "true"}
    await ask("steps", Turn(trace_id="t", trial=1, source=("trace", "user")), metadata=shared)
    await ask("steps", Turn(trace_id="u"), metadata=shared)
    assert len(chat.asked) == 1
    await ask.book.aclose()


async def test_a_failure_is_not_kept_and_a_429_is_waited_for(small_store: Store, tmp_path: Path) -> None:
    chat = Scripted(ProviderError("It broke."), RateLimited("Slow down.", retry_after=9), RateLimited("Slow."), "yes")
    ask = Asker(small_store, tmp_path, chat)
    with pytest.raises(ProviderError, match="It broke"):
        await ask("a")
    assert await ask("a") == "yes"
    assert [round(one) for one in ask.waits] == [9, 2]
    assert ask.throttle.running == 0
    await ask.book.aclose()


async def test_a_vendor_that_never_has_room_is_given_up(
    small_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 100)
    ask = Asker(small_store, tmp_path, Scripted(RateLimited("Slow down.", retry_after=40)))
    with pytest.raises(RateLimited):
        await ask("a")
    assert len(ask.waits) == 2
    await ask.book.aclose()


async def test_a_budget_that_is_spent_is_not_waited_for(small_store: Store, tmp_path: Path) -> None:
    ask = Asker(small_store, tmp_path, Scripted(BudgetExceeded("It is spent.", retry_after=5)))
    with pytest.raises(BudgetExceeded):
        await ask("a")
    assert ask.waits == []
    await ask.book.aclose()


async def test_an_answer_without_a_body_is_none(small_store: Store, tmp_path: Path) -> None:
    ask = Asker(small_store, tmp_path, Scripted(b""))
    with pytest.raises(ProviderProtocolError, match="no whole answer"):
        await ask("a")
    await ask.book.aclose()


async def test_an_unknown_price_is_no_zero(small_store: Store, tmp_path: Path) -> None:
    ask, turn = Asker(small_store, tmp_path, Scripted("x", nano=None)), Turn(trace_id="t")
    await ask("a", turn)
    assert turn.cost_nano is turn.paid_nano is None
    assert (ask.throttle.spent_nano, ask.throttle.unpriced) == (0, 1)
    await ask.book.aclose()
