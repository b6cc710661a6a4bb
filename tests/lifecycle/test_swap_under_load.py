"""Configurations that change under constant load from real HTTP clients: no call fails, whatever the file says."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from openai import AsyncOpenAI, OpenAIError

from pilothouse.app import build
from pilothouse.settings import Settings

SWAPS = 50


class Upstream:
    """Speaks OpenAI's chat. A stream stands still after its first word until the configuration has changed."""

    def __init__(self) -> None:
        self.swaps = 0
        self.changed = asyncio.Condition()
        self.straddling = 0
        self.over = False

    async def swapped(self) -> None:
        async with self.changed:
            self.swaps += 1
            self.changed.notify_all()

    async def end(self) -> None:
        async with self.changed:
            self.over = True
            self.changed.notify_all()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
        head = {"id": "c", "created": 1, "model": body["model"]}
        if not body.get("stream"):
            message = {"role": "assistant", "content": "Hello there"}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            return web.json_response({**head, "object": "chat.completion", "choices": [choice], "usage": usage})
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)

        async def event(delta: dict[str, str], finish: str | None = None) -> None:
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            data = {**head, "object": "chat.completion.chunk", "choices": [choice]}
            await response.write(b"data: " + json.dumps(data).encode() + b"\n\n")

        began = self.swaps
        await event({"role": "assistant", "content": "Hello"})
        async with self.changed:
            await self.changed.wait_for(lambda: self.swaps > began or self.over)
            self.straddling += self.swaps > began
        await event({"content": " there"})
        await event({}, "stop")
        data = {**head, "object": "chat.completion.chunk", "choices": [], "usage": usage}
        await response.write(b"data: " + json.dumps(data).encode() + b"\n\ndata: [DONE]\n\n")
        return response

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield runner.addresses[0][1]
        finally:
            await runner.cleanup()


class Load:
    """Clients that ask all the time. `failures` is what they did not get."""

    def __init__(self, client: AsyncOpenAI) -> None:
        self.client = client
        self.answers = 0
        self.failures: list[str] = []
        self.more = asyncio.Condition()
        self.stopped = False

    async def ask(self, stream: bool) -> None:
        while not self.stopped:
            try:
                text = await self._once(stream)
            except OpenAIError as error:
                text = repr(error)
            async with self.more:
                self.answers += 1
                self.failures += [text] if text != "Hello there" else []
                self.more.notify_all()

    async def _once(self, stream: bool) -> str:
        messages: Any = [{"role": "user", "content": "Hi"}]
        if not stream:
            whole = await self.client.chat.completions.create(model="chat", messages=messages)
            return whole.choices[0].message.content or ""
        chunks = await self.client.chat.completions.create(model="chat", messages=messages, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks if chunk.choices])

    async def answered(self, count: int) -> None:
        """Wait until so many more answers came."""
        until = self.answers + count
        async with self.more:
            await self.more.wait_for(lambda: self.answers >= until)


def written(port: int, number: int) -> str:
    """Each version differs from the one before; two in three replace the provider."""
    host = ("127.0.0.1", "localhost", "localhost")[number % 3]
    return (
        f"providers:\n  pool: {{kind: openai, api_key: k, base_url: 'http://{host}:{port}/v1'}}\n"
        f"models:\n  chat: {{deployments: [{{provider: pool, model: m{number}}}]}}\n"
    )


@pytest.mark.parametrize("broken", [False, True], ids=["swapped", "half of the files broken"])
async def test_no_call_fails(tmp_path: Path, models_dir: Path, broken: bool) -> None:
    upstream, path = Upstream(), tmp_path / "pilothouse.yaml"
    async with upstream.serving() as port:
        path.write_text(written(port, 0))
        settings = Settings(home=tmp_path / "home", config=path, models=models_dir)
        with build(settings) as platform:
            live = platform.live
            key = platform.keys.in_process()
            async with (
                platform.server("127.0.0.1", 0).running() as address,
                AsyncOpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0) as client,
            ):
                load = Load(client)
                async with asyncio.TaskGroup() as group:
                    for stream in (False, False, True, True):
                        group.create_task(load.ask(stream))
                    for number in range(1, SWAPS + 1):
                        breaks = broken and number % 2 == 1
                        path.write_text("models: {chat: {deploymnts: []}}\n" if breaks else written(port, number))
                        live.reload()
                        await asyncio.to_thread(live.check)
                        assert ("deploymnts" in (live.problem or "")) is breaks
                        await upstream.swapped()
                        await load.answered(4)
                    load.stopped = True
                    await upstream.end()
    assert load.failures == []
    assert load.answers >= 4 * SWAPS
    assert upstream.straddling > SWAPS / 2, "streams that began under one configuration ended under another"
    assert live.snapshot.number == (SWAPS // 2 if broken else SWAPS) + 1
