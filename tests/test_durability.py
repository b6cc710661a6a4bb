"""A killed server loses no call that a client got a full answer for: a real process, real load, kill -9, a count."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from pathlib import Path

import pytest

from pilothouse.app import build
from pilothouse.client import AsyncClient
from pilothouse.errors import PilothouseError
from pilothouse.settings import Settings

KEY = "ph-durability"
ANSWERS_BEFORE_THE_KILL = 300


async def start(home: Path, models: Path, **settings: str) -> tuple[Process, str]:
    """A server of its own process on a free port; gives its address."""
    env = {**os.environ, "PILOTHOUSE_MASTER_KEY": KEY, "PILOTHOUSE_MODELS": str(models), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "pilothouse", "--home", str(home), "up", "--port", "0"]
    process = await asyncio.create_subprocess_exec(
        *command, env={**env, **settings}, stdout=PIPE, stderr=PIPE, cwd=home.parent
    )
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
    return process, line.rsplit(" ", 1)[-1].strip()


async def ask_until_it_dies(address: str, number: int, answered: list[str], enough: asyncio.Event) -> None:
    """Ask over and over, alternately as JSON and as a stream; note the trace of each answer that came whole."""
    async with AsyncClient(address, KEY) as client:
        for turn in range(100_000):
            question = f"client {number} turn {turn} of this test"
            try:
                if turn % 2:
                    stream = client.stream("builtin/echo", question)
                    text = "".join([chunk.text async for chunk in stream])
                    trace_id, whole = stream.trace_id, stream.finished
                else:
                    answer = await client.chat("builtin/echo", question)
                    text, trace_id, whole = answer.text, answer.trace_id, True
            except (PilothouseError, OSError):
                return
            if not whole:
                return
            assert text.strip() == question
            answered.append(trace_id)
            if len(answered) >= ANSWERS_BEFORE_THE_KILL:
                enough.set()


async def test_kill_9_under_load_loses_no_answered_call(tmp_path: Path, models_dir: Path) -> None:
    home = tmp_path / "home"
    process, address = await start(home, models_dir)
    answered: list[str] = []
    enough = asyncio.Event()
    clients = [asyncio.create_task(ask_until_it_dies(address, n, answered, enough)) for n in range(8)]
    await asyncio.wait_for(enough.wait(), 60)
    process.kill()
    await process.wait()
    await asyncio.gather(*clients)
    assert len(answered) >= ANSWERS_BEFORE_THE_KILL

    again, address = await start(home, models_dir)
    async with AsyncClient(address, KEY) as client:
        assert (await client.chat("builtin/echo", "still here")).text.strip() == "still here"
    again.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(again.wait(), 30) == 0

    recorded = traces_in(home)
    assert set(answered) <= set(recorded)
    assert set(recorded.values()) == {1}


def traces_in(home: Path) -> Counter[str]:
    """How many spans each trace has in the database."""
    from sqlalchemy import text

    with build(Settings(home=home)) as platform, platform.store.observe.connect() as connection:
        rows = connection.execute(text("SELECT trace_id, count(*) FROM spans GROUP BY trace_id")).all()
    return Counter(dict(rows))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_lets_running_answers_end(tmp_path: Path, models_dir: Path, number: signal.Signals) -> None:
    home = tmp_path / "home"
    process, address = await start(home, models_dir)
    async with AsyncClient(address, KEY) as client:
        words = " ".join(str(n) for n in range(20_000))
        stream = client.stream("builtin/echo", words)
        first = await anext(stream)
        process.send_signal(number)
        text = first.text + "".join([chunk.text async for chunk in stream])
    assert text.split() == words.split()
    assert await asyncio.wait_for(process.wait(), 30) == 0
    assert traces_in(home)[stream.trace_id] == 1


@pytest.mark.parametrize("reads", [True, False])
async def test_a_stop_ends_answers_that_take_longer_than_the_grace_and_says_so(
    tmp_path: Path, models_dir: Path, reads: bool
) -> None:
    home = tmp_path / "home"
    process, address = await start(home, models_dir, PILOTHOUSE_SHUTDOWN_GRACE="0")
    async with AsyncClient(address, KEY) as client:
        stream = client.stream("builtin/echo", "word " * 200_000)
        await anext(stream)
        process.send_signal(signal.SIGTERM)
        if reads:
            with pytest.raises(PilothouseError, match="The server is stopping"):
                async for _ in stream:
                    pass
        _, said = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0
    assert b"Traceback" not in said
    assert traces_in(home)[stream.trace_id] == 1
