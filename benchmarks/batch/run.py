"""What a batch saves and what it costs in time: our own lane and a vendor's, beside the same calls made live.

    .venv/bin/python benchmarks/batch/run.py [requests]

The upstream is the wire-format server of pilothouse.testing on loopback, in a process of its own; it answers at once.
So the times are our own part: a vendor's batch takes as long as the vendor likes, up to 24 hours. Prices are those of
`genai-prices` for the models named below, the tokens those of the workload stated in PRICED.
"""

import asyncio
import json
import multiprocessing
import sys
import tempfile
import textwrap
import time
from multiprocessing.connection import Connection
from pathlib import Path

from openai import AsyncOpenAI

from pilothouse.app import Platform, build
from pilothouse.ids import now_us
from pilothouse.observe import Prices
from pilothouse.settings import Settings
from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.types import Usage

CHAT = "/v1/chat/completions"
PARALLEL = 4
PRICED = (("openai", "gpt-4o-mini"), ("openai", "gpt-4.1"), ("anthropic", "claude-sonnet-4-5"))
USAGE = Usage(input_tokens=800, output_tokens=200)


def serve(pipe: Connection) -> None:
    with OpenAIServer() as server:
        pipe.send(server.url)
        pipe.recv()


def line(number: int, model: str) -> str:
    body = {"model": model, "messages": [{"role": "user", "content": f"Question {number}"}], "max_tokens": 20}
    return json.dumps({"custom_id": f"{number}", "method": "POST", "url": CHAT, "body": body})


async def live(client: AsyncOpenAI, count: int) -> float:
    """Seconds for so many calls, as many at once as the lane has."""
    numbers = iter(range(count))

    async def worker() -> None:
        for number in numbers:
            body = json.loads(line(number, "own"))["body"]
            await client.chat.completions.create(**body)

    began = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(PARALLEL)))
    return time.perf_counter() - began


async def batch(client: AsyncOpenAI, count: int, model: str) -> float:
    """Seconds from the upload to the last byte of the output."""
    content = "\n".join(line(number, model) for number in range(count)).encode()
    began = time.perf_counter()
    file = await client.files.create(file=("in.jsonl", content), purpose="batch")
    made = await client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h")
    while made.status not in ("completed", "failed", "expired"):
        await asyncio.sleep(0.05)
        made = await client.batches.retrieve(made.id)
    assert made.status == "completed", made
    output = (await client.files.content(made.output_file_id or "")).text.splitlines()
    assert len(output) == count
    return time.perf_counter() - began


def prices() -> None:
    table = Prices()
    for kind, model in PRICED:
        full, half = (table.cost(kind, model, USAGE, now_us(), batch=lane) for lane in (False, True))
        assert full is not None
        assert half is not None
        saved = f"{1 - half / full:.1%} less"
        print(f"{kind}/{model}: {full / 1e6:.3f} USD per 1,000 live, {half / 1e6:.3f} in a batch: {saved}")


async def run(platform: Platform, count: int) -> None:
    key = platform.keys.in_process()
    async with (
        platform.server("127.0.0.1", 0).running() as address,
        AsyncOpenAI(base_url=f"{address}/v1", api_key=key) as client,
    ):
        await live(client, 50)
        for name, seconds in (
            ("live, 4 at once", await live(client, count)),
            ("own lane, parallel 4", await batch(client, count, "own")),
            ("vendor lane", await batch(client, count, "vendor")),
        ):
            print(f"{name}: {count} requests in {seconds:.2f} s, {count / seconds:,.0f} a second")


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    prices()
    here, there = multiprocessing.Pipe()
    upstream = multiprocessing.Process(target=serve, args=(there,), daemon=True)
    upstream.start()
    wire = f'kind: openai, base_url: "{here.recv()}/v1", api_key: sk-test'
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "pilothouse.yaml"
        config.write_text(
            textwrap.dedent(f"""
            providers:
              wire: {{{wire}}}
              batching: {{{wire}, options: {{batch: true}}}}
            models:
              own: {{deployments: [{{provider: wire, model: m}}]}}
              vendor: {{deployments: [{{provider: batching, model: m}}]}}
            batch: {{parallel: {PARALLEL}}}
            """)
        )
        with build(Settings(home=Path(folder) / "home", config=config)) as platform:
            asyncio.run(run(platform, count))
    here.send(None)


if __name__ == "__main__":
    main()
