"""A server that is killed in the middle of a batch: whoever comes after it goes on, and each result is there once."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI
from sqlalchemy import text

from pilothouse.app import build
from pilothouse.observe.costs.ledger import Ledger
from pilothouse.settings import Settings
from pilothouse.storage import open_store
from pilothouse.testing.anthropic_server import AnthropicServer
from pilothouse.testing.openai_server import OpenAIServer

from .batching import House, ask, config, is_project

KEY = "ph-batches-killed"
ONE = 11 * 100_000 + 7 * 1_000_000


@asynccontextmanager
async def process(settings: Settings, models_dir: Path, upstream: OpenAIServer) -> AsyncIterator[tuple[Process, House]]:
    """A server of its own process. It is killed at the end of the block."""
    async with AnthropicServer() as claude:
        file = settings.home.parent / "pilothouse.yaml"
        file.write_text(config(upstream, claude))
        env = {**os.environ, "PILOTHOUSE_MASTER_KEY": KEY, "PILOTHOUSE_MODELS": str(models_dir)}
        env |= {"PILOTHOUSE_DATABASE_URL": settings.database_url} if settings.database_url else {}
        command = [sys.executable, "-m", "pilothouse", "--home", str(settings.home), "--config", str(file)]
        server = await asyncio.create_subprocess_exec(*command, "up", "--port", "0", env=env, stdout=PIPE, stderr=PIPE)
        try:
            assert server.stdout is not None
            line = (await asyncio.wait_for(server.stdout.readline(), 60)).decode()
            address = line.rsplit(" ", 1)[-1].strip()
            async with AsyncOpenAI(base_url=f"{address}/v1", api_key=KEY, max_retries=0) as client:
                platform: Any = None
                yield server, House(platform, address, KEY, client, upstream, claude)
        finally:
            if server.returncode is None:
                server.kill()
            await server.communicate()


def run_out_leases(settings: Settings) -> None:
    """As if the killed server's lease had run out, which takes half a minute."""
    store = open_store(settings)
    with store.control.begin() as connection:
        connection.execute(text("UPDATE batches SET lease_until_us = 0"))
    store.close()


def spent(settings: Settings) -> int:
    with build(settings) as platform:
        platform.drainer.flush()
        return sum(row.nano for row in Ledger(platform.store).accounts(0, 100_000, "default") if is_project(row))


async def test_each_result_is_there_once(settings: Any, models_dir: Path) -> None:
    numbers = range(120)
    async with OpenAIServer() as upstream:
        async with process(settings, models_dir, upstream) as (server, house):
            batch = await house.create([ask(n) for n in numbers])
            await house.until_done(batch, 10)
            server.kill()
            await server.wait()
        asked = len(upstream.requests)
        assert 10 <= asked < 120
        run_out_leases(settings)
        async with process(settings, models_dir, upstream) as (server, house):
            batch = await house.until(batch)
            lines = await house.lines(batch.output_file_id)
            server.terminate()
            assert await asyncio.wait_for(server.wait(), 30) == 0
    assert batch.status == "completed"
    assert [line["custom_id"] for line in lines] == [f"item-{n}" for n in numbers]
    questions = Counter(got.body["messages"][0]["content"] for got in upstream.requests)
    assert len(questions) == 120
    again = [question for question, times in questions.items() if times > 1]
    assert len(again) <= 4  # those that were being asked when it was killed
    assert max(questions.values()) <= 2


async def test_a_batch_at_a_vendor_is_gone_on_with_and_charged_once(tmp_path: Path, models_dir: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    async with OpenAIServer() as upstream:
        upstream.batches.looks = 10**9
        async with process(settings, models_dir, upstream) as (server, house):
            batch = await house.create([ask(n, "cheap") for n in range(4)])
            async with asyncio.timeout(60):
                while not upstream.batches.rows:
                    await house.client.batches.retrieve(batch.id)
            server.kill()
            await server.wait()
        run_out_leases(settings)
        upstream.batches.looks = 0
        async with process(settings, models_dir, upstream) as (server, house):
            batch = await house.until(batch)
            lines = await house.lines(batch.output_file_id)
            server.terminate()
            assert await asyncio.wait_for(server.wait(), 30) == 0
    assert batch.status == "completed"
    assert [line["custom_id"] for line in lines] == [f"item-{n}" for n in range(4)]
    assert len(upstream.batches.rows) == 1
    assert spent(settings) == 4 * ONE // 2


@pytest.mark.parametrize("count", [60])
async def test_two_servers_share_the_batches_and_none_runs_twice(settings: Any, models_dir: Path, count: int) -> None:
    async with (
        OpenAIServer() as upstream,
        process(settings, models_dir, upstream) as (_, house),
        process(settings, models_dir, upstream) as (_, other),
    ):
        made = [await house.create([ask(n) for n in range(count)]) for _ in range(2)]
        made += [await other.create([ask(n) for n in range(count)]) for _ in range(2)]
        ended = [await house.until(batch) for batch in made]
        assert {batch.status for batch in ended} == {"completed"}
    assert len(upstream.requests) == 4 * count
