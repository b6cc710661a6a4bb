"""What the stage "resolve prompt and experiment arm" costs a call, alone and beside the whole path around it.

    python benchmarks/prompts/run.py

All in one process: a platform over SQLite, its prompts, and a provider that answers at once, so that nothing but our
own work is timed. The best of several rounds is told, in CPU time of the process.
"""

import asyncio
import gc
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec

from pilothouse.access.audit import SYSTEM
from pilothouse.app import Platform, build
from pilothouse.call import Call, Span
from pilothouse.gateway.prompting import NO_PROMPTS, Prompting
from pilothouse.gateway.runtime import Prepared
from pilothouse.gateway.visit import Visit
from pilothouse.ids import new_id
from pilothouse.observe.prompt_calls import row_of
from pilothouse.prompts.content import content_of
from pilothouse.settings import Settings
from pilothouse.types import ChatChunk, ChatRequest, Usage

ROUNDS, STAGE, CALLS = 7, 2000, 1000
TEXT = {"model": "fast", "template": "Say {{ word }}."}
CHAT = {
    "model": "fast",
    "template": [
        {
            "role": "system",
            "content": "You answer for {{ company }}. {% include 'tone' %}\n" + "Rules stand here. " * 40,
        },
        {"role": "user", "content": "{% for p in passages %}[{{ loop.index }}] {{ p }}\n{% endfor %}\n{{ question }}"},
    ],
    "variables": {"company": {}, "passages": {"type": "list"}, "question": {"untrusted": True}},
}
PASSAGES = {"company": "Acme", "passages": ["A passage of some words. " * 20] * 5, "question": "What is the answer?"}
PLAIN = [{"role": "user", "content": "Say hello."}]


class _At:
    """Answers at once, with the same bytes."""

    name, operations = "at-once", frozenset({"chat"})

    def __init__(self) -> None:
        choice = {"index": 0, "message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}
        raw = msgspec.json.encode({"id": "c", "object": "chat.completion", "choices": [choice]})
        self._chunk = ChatChunk(raw, "Yes.", finish_reason="stop", usage=Usage(9, 2), model="at-once")

    async def chat(self, request: ChatRequest, call: Call) -> AsyncIterator[ChatChunk]:
        yield self._chunk

    async def models(self) -> list[str]:
        return []

    async def aclose(self) -> None:
        return None


class _Nobody:
    """Records nothing."""

    def record(self, record: object) -> None:
        return None


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        config = {"providers": {"at": {"kind": "openai", "base_url": "http://127.0.0.1:9/v1", "api_key": "k"}}}
        models = {"fast": {"deployments": [{"provider": "at", "model": "m"}]}}
        (home / "pilothouse.yaml").write_text(msgspec.json.encode({**config, "models": models}).decode())
        with build(Settings(home=home / "home", config=home / "pilothouse.yaml")) as platform:
            for name, content in (("tone", {"template": "Be kind."}), ("text", TEXT), ("chat", CHAT)):
                platform.prompts.prompts.create("default", name, content_of(content), by=SYSTEM, labels=["production"])
            asyncio.run(_measure(platform))


async def _measure(platform: Platform) -> None:
    gateway = platform.gateway
    snapshot = platform.snapshot
    gateway.runtime = platform._runtimes.commit(Prepared(snapshot.config, {"at": _At()}), snapshot)
    prompting = gateway.prompting
    plain = ChatRequest.check({"model": "fast", "messages": PLAIN})
    text = ChatRequest.check({"prompt": {"name": "text", "variables": {"word": "hello"}}})
    chat = ChatRequest.check({"prompt": {"name": "chat", "variables": PASSAGES}})
    call = Call(_Nobody())
    await prompting.preview(text, call)
    await prompting._book.on_models("default")  # type: ignore[union-attr]

    print(f"stage, a call without a prompt      {1e9 * _best(lambda: prompting.is_idle(plain, call), 20_000):8.0f} ns")
    for told, request in (("a text, one variable", text), ("a chat, one inclusion, 2.5 kB", chat)):
        seconds = await _best_of(lambda one=request: _stage(platform, one), STAGE)  # type: ignore[misc]
        print(f"stage, {told:<28} {1e6 * seconds:8.1f} us")
    span = Span(id="s", trace_id=new_id(), project_id="default", name="chat fast", kind="llm", start_us=1)
    print(f"row of a span without a prompt      {1e9 * _best(lambda: row_of(span), 20_000):8.0f} ns")
    bare = {name: await prompting.preview(one, call) for name, one in (("text", text), ("chat", chat))}
    ways: list[tuple[str, ChatRequest, Prompting, str]] = [
        ("path, no prompts in the gateway", bare["text"], NO_PROMPTS, ""),
        ("path, a call without a prompt", bare["text"], prompting, "path, no prompts in the gateway"),
        ("path, a text, one variable", text, prompting, "path, no prompts in the gateway"),
        ("path, the chat sent as it is", bare["chat"], NO_PROMPTS, ""),
        ("path, the chat as a prompt", chat, prompting, "path, the chat sent as it is"),
    ]
    rounds: dict[str, list[float]] = {told: [] for told, *_ in ways}
    for _ in range(ROUNDS):  # by turns, so that what else the machine does meets all of them
        for told, request, stage, _ in ways:
            gateway.prompting = stage
            rounds[told].append(await _timed(lambda one=request: _path(platform, one), CALLS))  # type: ignore[misc]
    for told, _, _, beside in ways:
        share = f"{min(rounds[told]) / min(rounds[beside]):9.3f} of the same without" if beside else ""
        print(f"{told:<35} {1e6 * min(rounds[told]):8.1f} us {share}")


async def _stage(platform: Platform, request: ChatRequest) -> None:
    call = Call(_Nobody())
    visit = Visit(platform._rooms, platform.gateway.runtime, request, call, call.start("chat", "llm"))
    visit.span.operation = "chat"
    await platform.gateway.prompting.resolve(visit, request)


async def _path(platform: Platform, request: ChatRequest) -> None:
    async for _ in platform.gateway.chat(request, Call(_Nobody())):
        pass


def _best(work: Callable[[], object], times: int) -> float:
    """Seconds of one, of the best round."""
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(times):
            work()
        found.append((time.process_time() - began) / times)
    return min(found)


async def _best_of(work: Callable[[], Coroutine[Any, Any, None]], times: int) -> float:
    return min([await _timed(work, times) for _ in range(ROUNDS)])


async def _timed(work: Callable[[], Coroutine[Any, Any, None]], times: int) -> float:
    gc.collect()
    began = time.process_time()
    for _ in range(times):
        await work()
    return (time.process_time() - began) / times


if __name__ == "__main__":
    sys.exit(main())
