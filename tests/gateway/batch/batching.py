"""A served platform for files and batches, on either database, with upstreams that have batch APIs of their own."""

import asyncio
import json
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI
from openai.types import Batch

from pilothouse.app import Platform, build
from pilothouse.settings import Settings
from pilothouse.testing.anthropic_server import AnthropicServer
from pilothouse.testing.openai_server import OpenAIServer

CHAT = "/v1/chat/completions"
ENDED = ("completed", "failed", "expired", "cancelled")
PRICES = """
prices:
  - {provider: wire, model: wire-model, input: 100, output: 1000}
  - {provider: vendor, model: wire-model, input: 100, output: 1000, batch_discount: 0.5}
  - {provider: claude, model: claude-wire, input: 100, output: 1000, batch_discount: 0.5}
"""


@dataclass
class House:
    """A platform that serves. `wire` has no batch API that it says of, `vendor` and `claude` have."""

    platform: Platform
    address: str
    key: str
    client: AsyncOpenAI
    upstream: OpenAIServer
    claude: AnthropicServer

    async def upload(self, lines: list[Any] | bytes, purpose: Any = "batch") -> str:
        raw = lines if isinstance(lines, bytes) else "\n".join(map(json.dumps, lines)).encode()
        return (await self.client.files.create(file=("in.jsonl", raw), purpose=purpose)).id

    async def create(self, lines: list[Any] | bytes, endpoint: str = CHAT, **more: Any) -> Batch:
        file = await self.upload(lines)
        return await self.client.batches.create(input_file_id=file, endpoint=endpoint, completion_window="24h", **more)

    async def until(self, batch: Batch, *statuses: str, seconds: float = 20) -> Batch:
        """As a client polls."""
        async with asyncio.timeout(seconds):
            while batch.status not in (statuses or ENDED):
                await asyncio.sleep(0.02)
                batch = await self.client.batches.retrieve(batch.id)
        return batch

    async def until_done(self, batch: Batch, number: int, seconds: float = 20) -> None:
        """As a client polls, until so many requests have their answer."""
        async with asyncio.timeout(seconds):
            while batch.request_counts is None or batch.request_counts.completed < number:
                await asyncio.sleep(0.02)
                batch = await self.client.batches.retrieve(batch.id)

    async def run(self, lines: list[Any] | bytes, endpoint: str = CHAT, **more: Any) -> Batch:
        return await self.until(await self.create(lines, endpoint, **more))

    async def lines(self, file_id: str | None) -> list[Any]:
        if file_id is None:
            return []
        content = await self.client.files.content(file_id)
        return [json.loads(line) for line in content.text.splitlines()]

    def spent(self) -> int:
        """Nano-USD of the project, by the ledger."""
        from pilothouse.observe.costs.ledger import Ledger

        self.platform.drainer.flush()
        return sum(row.nano for row in Ledger(self.platform.store).accounts(0, 100_000, "default") if is_project(row))


def is_project(row: Any) -> bool:
    return bool(row.account == "project:default")


def ask(number: int, model: str = "chat", url: str = CHAT, **body: Any) -> dict[str, Any]:
    asked = {"model": model, "messages": [{"role": "user", "content": f"question {number}"}], "max_tokens": 20, **body}
    return {"custom_id": f"item-{number}", "method": "POST", "url": url, "body": asked}


def config(upstream: OpenAIServer, claude: AnthropicServer, more: str = "") -> str:
    calm = 'fallbacks: {answer: "Ask again later."}, exact_cache: {ttl: 60}'
    wire = f'{{kind: openai, base_url: "{upstream.url}/v1", api_key: sk-test}}'
    return textwrap.dedent(f"""
        providers:
          wire: {wire}
          vendor: {wire[:-1]}, options: {{batch: true}}}}
          claude: {{kind: anthropic, base_url: "{claude.url}", api_key: sk-test, options: {{batch: true}}}}
        models:
          chat: {{deployments: [{{provider: wire, model: wire-model}}], resilience: {{retries: 0}}}}
          calm: {{deployments: [{{provider: wire, model: wire-model}}], resilience: {{retries: 0}}, {calm}}}
          cheap: {{deployments: [{{provider: vendor, model: wire-model}}], resilience: {{retries: 0}}}}
          forced: {{deployments: [{{provider: vendor, model: wire-model}}], batch: vendor}}
          kept: {{deployments: [{{provider: vendor, model: wire-model}}], batch: own}}
          nowhere: {{deployments: [{{provider: wire, model: wire-model}}], batch: vendor}}
          sonnet: {{deployments: [{{provider: claude, model: claude-wire}}], resilience: {{retries: 0}}}}
        """) + (more or PRICES)


async def at_once(seconds: float) -> None:
    """Instead of waiting."""


@asynccontextmanager
async def serving(
    settings: Settings, models_dir: Path, upstream: OpenAIServer, claude: AnthropicServer, more: str = ""
) -> AsyncIterator[House]:
    file = settings.home.parent / "pilothouse.yaml"
    file.write_text(config(upstream, claude, more))
    settings = replace(settings, config=file, models=models_dir)
    with build(settings) as platform:
        key = platform.keys.in_process()
        async with (
            platform.server("127.0.0.1", 0).running() as address,
            AsyncOpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0) as client,
        ):
            yield House(platform, address, key, client, upstream, claude)
