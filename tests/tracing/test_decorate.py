"""`observe` on every kind of function, also while a generator waits between two items."""

import inspect
from collections.abc import AsyncIterator, Iterator

import pytest

import pilothouse
from pilothouse import span
from pilothouse.tracing import observe
from pilothouse.tracing.spans import current

from .conftest import Collector


def test_a_function_with_and_without_arguments(collector: Collector) -> None:
    @observe
    def plain(a: int, *rest: int, b: int = 2) -> int:
        return a + b

    @observe(name="named", kind="tool", capture_input=False, capture_output=False)
    def other() -> str:
        return "secret"

    assert plain(1, 5, b=3) == 4
    assert other() == "secret"
    assert collector.span("plain")["input"] == {"a": 1, "args": [5], "b": 3}
    assert collector.span("plain")["output"] == {"value": 4}
    assert collector.span("named")["kind"] == "tool"
    assert "output" not in collector.span("named")


async def test_a_coroutine(collector: Collector) -> None:
    @observe()
    async def ask(question: str) -> str:
        with span("inside"):
            return question.upper()

    assert inspect.iscoroutinefunction(ask)
    assert await ask("hi") == "HI"
    assert collector.span("inside")["parent_id"] == collector.span("ask")["id"]


def test_a_generator_is_current_only_while_it_runs(collector: Collector) -> None:
    @observe
    def stream(n: int) -> Iterator[str]:
        with span("child"):
            for i in range(n):
                with span(f"item {i}"):
                    pass
                yield str(i)

    with span("consumer") as consumer:
        texts = []
        for text in stream(2):
            assert current.get() is consumer
            with span("between"):
                texts.append(text)
    assert texts == ["0", "1"]
    assert collector.span("stream")["output"] == {"value": "01"}
    assert collector.span("item 1")["parent_id"] == collector.span("child")["id"]
    assert collector.span("between")["parent_id"] == consumer.id


def test_a_generator_receives_what_is_sent_and_thrown(collector: Collector) -> None:
    @observe
    def echo() -> Iterator[int]:
        got = 0
        while True:
            try:
                got = yield got
            except KeyError:
                got = -1
            if got == 9:
                return 7

    made = echo()
    assert next(made) == 0
    assert made.send(5) == 5
    assert made.throw(KeyError()) == -1
    with pytest.raises(StopIteration) as stopped:
        made.send(9)
    assert stopped.value.value == 7

    left = echo()
    next(left)
    left.close()
    assert [got.get("status", "ok") for got in collector.spans] == ["ok", "cancelled"]


async def test_an_async_generator(collector: Collector) -> None:
    @observe
    async def stream() -> AsyncIterator[int]:
        for i in range(3):
            with span(f"step {i}"):
                yield i
        raise LookupError("gone")

    got = []
    made = stream()
    with span("consumer") as consumer:
        for _ in range(3):
            got.append(await anext(made))
            assert current.get() is consumer
        with pytest.raises(LookupError):
            await anext(made)
    assert got == [0, 1, 2]
    assert collector.span("stream")["output"] == {"value": [0, 1, 2]}
    assert collector.span("stream")["error_code"] == "LookupError"
    assert collector.span("step 2")["parent_id"] == collector.span("stream")["id"]


def test_a_class(collector: Collector) -> None:
    @observe(kind="agent")
    class Agent:
        def run(self, q: str) -> str:
            return self._hidden() + q

        @staticmethod
        def fixed() -> int:
            return 1

        @classmethod
        def made(cls) -> str:
            return cls.__name__

        def _hidden(self) -> str:
            return ">"

    assert Agent().run("x") == ">x"
    assert (Agent.fixed(), Agent.made()) == (1, "Agent")
    assert collector.span("Agent.run")["input"] == {"q": "x"}
    assert {got["name"] for got in collector.spans} == {"Agent.run", "Agent.fixed", "Agent.made"}


def test_the_public_name_works_whatever_was_imported_first(collector: Collector) -> None:
    import subprocess
    import sys

    use = "import pilothouse\n@pilothouse.observe\ndef f(): return 1\nassert f() == 1\n"
    named = "from pilothouse import observe\n@observe(name='g')\ndef g(): return 2\nassert g() == 2\n"
    room = "import pilothouse.observe\nfrom pilothouse.observe import Traces\nassert pilothouse.observe.Traces\n"
    for script in (use + room + named + use, room + use + named, named + room + use):
        subprocess.run([sys.executable, "-c", script], check=True, env={"PILOTHOUSE_TRACING": "0", **_path()})
    assert callable(pilothouse.observe)


def test_it_loads_nothing_heavy() -> None:
    import subprocess
    import sys

    script = """
import sys, pilothouse
pilothouse.observe(lambda: 1)()
heavy = {"sqlalchemy", "fastapi", "pydantic", "aiohttp", "numpy", "genai_prices"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", script], check=True, env={"PILOTHOUSE_TRACING": "0", **_path()})


def _path() -> dict[str, str]:
    import os

    return {"PYTHONPATH": os.environ.get("PYTHONPATH", ""), "PATH": os.environ["PATH"]}
