"""The index of questions: nearest by cosine, bounded, kept in the store where it outlasts the process."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pilothouse.cache import semantic
from pilothouse.cache.memory_store import MemoryStore
from pilothouse.cache.semantic import SemanticIndex, context_of
from pilothouse.cache.sqlite_store import SqliteStore
from pilothouse.call import Call
from pilothouse.types import ChatRequest, Json, Operation


def unit(angle: float) -> np.ndarray:
    return np.array([np.cos(angle), np.sin(angle)], np.float32)


class Nowhere:
    def record(self, record: object) -> None: ...


def context(request: ChatRequest) -> str:
    return context_of(request, Call(Nowhere()), "m", "r", "project")


def asked(operation: Operation, question: str, *parts: Json, **more: Any) -> ChatRequest:
    """As the dialect has it, beside a chat that cannot say the parts."""
    text = {"type": "input_text" if operation == "responses" else "text", "text": question}
    turns = [{"role": "user", "content": "before"}, {"role": "user", "content": [*parts, text]}]
    chat = ChatRequest({"model": "m", "messages": [{"role": "user", "content": question}]})
    name = "input" if operation == "responses" else "messages"
    return ChatRequest({"model": "m", name: turns}, operation, chat, **more)


@pytest.mark.parametrize("operation", ["messages", "responses"])
def test_a_context_holds_what_a_chat_cannot_say(operation: Operation) -> None:
    one = {"type": "document", "source": {"type": "url", "url": "https://one"}}
    other = {"type": "document", "source": {"type": "url", "url": "https://other"}}
    plain, with_one = context(asked(operation, "sum it up")), context(asked(operation, "sum it up", one))
    assert plain == context(asked(operation, "summarise"))
    assert with_one == context(asked(operation, "summarise", one))
    assert len({plain, with_one, context(asked(operation, "sum it up", other))}) == 3
    assert context(asked(operation, "sum it up", headers=(("anthropic-beta", "x"),))) != plain


async def test_the_nearest_that_is_not_vetoed() -> None:
    index = SemanticIndex(MemoryStore(10**6))
    await index.add("c", "is it 5", unit(0.0), "five", 60)
    await index.add("c", "is it big", unit(0.3), "big", 60)
    assert await index.nearest("c", "is it 6", unit(0.01), 0.99) is None, "only the vetoed one is near enough"
    match = await index.nearest("c", "is it big then", unit(0.01), 0.9)
    assert match is not None
    assert match.answer_key == "big"
    assert match.cosine == pytest.approx(np.cos(0.29), abs=1e-6)
    assert await index.nearest("other", "is it big", unit(0.3), 0.1) is None


async def test_a_question_asked_again_takes_its_own_place() -> None:
    index = SemanticIndex(MemoryStore(10**6))
    for key in ("old", "new"):
        await index.add("c", "is it", unit(0.0), key, 60)
    match = await index.nearest("c", "is it", unit(0.0), 0.9)
    assert match is not None
    assert (match.answer_key, len(index)) == ("new", 1)
    await index.drop("c", match)
    assert await index.nearest("c", "is it", unit(0.0), 0.9) is None
    assert len(index) == 0


async def test_groups_and_the_whole_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(semantic, "_GROUP", 4)
    monkeypatch.setattr(semantic, "_MOST", 6)
    index = SemanticIndex(MemoryStore(10**6))
    for n in range(10):
        await index.add("c", "x" * (n + 1), unit(n / 10), str(n), 60)
    assert len(index) == 4
    assert await index.nearest("c", "x", unit(0.0), 0.999) is None, "the oldest is gone"
    for n in range(10):
        await index.add(f"d{n}", "x", unit(0.0), str(n), 60)
    assert len(index) <= 7
    assert await index.nearest("c", "x", unit(0.9), 0.5) is None
    assert await index.nearest("d9", "x", unit(0.0), 0.9) is not None


async def test_questions_outlive_the_process_where_the_store_does(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "cache.db", 10**6)
    await SemanticIndex(store).add("p\na\ns\n1", "is it", unit(0.7), "k", 60)
    again = SemanticIndex(store)
    match = await again.nearest("p\na\ns\n1", "is it", unit(0.7), 0.99)
    assert match is not None
    assert match.answer_key == "k"
    again.forget("p\na\n")
    assert len(again) == 0
    await store.aclose()
