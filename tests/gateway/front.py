"""A whole platform behind a port in this process, in front of an upstream of bare sockets, asked over plain HTTP."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from pilothouse.access.shapes import KeySettings
from pilothouse.app import Platform, build
from pilothouse.observe.costs.ledger import Entry
from pilothouse.settings import Settings

from ..faults.raw import RawUpstream

INPUT, CACHED, OUTPUT = 2_000, 200, 10_000
"""nano-USD per token of every model of the provider `raw`."""
COST = 1000 * INPUT + 500 * OUTPUT
"""What an answer of the upstream's model `good` costs."""
HELLO = [{"role": "user", "content": "hello"}]
BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": HELLO, "max_tokens": 500},
    "/v1/completions": {"prompt": "hello", "max_tokens": 500},
    "/v1/embeddings": {"input": "hello"},
    "/v1/messages": {"messages": HELLO, "max_tokens": 500},
    "/v1/responses": {"input": "hello", "max_output_tokens": 500},
}


@dataclass
class Told:
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


@dataclass
class Front:
    platform: Platform
    upstream: RawUpstream
    http: aiohttp.ClientSession
    admin: str

    def key(self, **settings: Any) -> tuple[str, str]:
        """(secret, id) of a new key."""
        secret, made = self.platform.keys.create("app", settings=KeySettings.model_validate(settings))
        assert made.key_id is not None
        return secret, made.key_id

    async def ask(self, path: str, body: Any, key: str | None = None, **headers: str) -> Told:
        """POST a body; the fields that the endpoint needs are added."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {"authorization": f"Bearer {key or self.admin}", **named}
        async with self.http.post(path, json={**BODIES[path], **body}, headers=given) as answer:
            return Told(answer.status, {n.lower(): v for n, v in answer.headers.items()}, await answer.read())

    async def chat(self, model: str, key: str | None = None, **more: Any) -> Told:
        return await self.ask("/v1/chat/completions", {"model": model, **more}, key)

    def entries(self, key_id: str) -> list[Entry]:
        """What the ledger has of a key, newest first."""
        self.platform.drainer.flush()
        return self.platform.ledger.entries(account=f"key:{key_id}", limit=500).entries

    async def held(self, key_id: str) -> int:
        standings = await self.platform.counters.standings([f"key:{key_id}|total"])
        return sum(0 if standing is None else standing.held_nano for standing in standings)


def configuration(url: str, models: dict[str, Any], **more: Any) -> dict[str, Any]:
    """`models` are what is said of each alias beside its deployments, which are of that name at the upstream unless
    they are given too."""
    resilience = {"retries": 0, "failures": 1_000_000, "error_share": 1.0}
    full = {
        name: {"deployments": [{"provider": "raw", "model": name}], "resilience": resilience, **said}
        for name, said in models.items()
    }
    served = {d["model"] for said in full.values() for d in said["deployments"]}
    prices = [{"provider": "raw", "model": m, "input": 2, "output": 10, "cache_read": "0.2"} for m in sorted(served)]
    provider = {"kind": "openai", "base_url": url, "api_key": "k", "read_timeout": 5}
    return {"providers": {"raw": provider}, "models": full, "prices": prices, **more}


@asynccontextmanager
async def front(
    home: Path, models_dir: Path, upstream: tuple[RawUpstream, str], config: dict[str, Any], **settings: Any
) -> AsyncIterator[Front]:
    """A platform that serves this configuration while the block runs."""
    file = home.with_suffix(".yaml")
    file.write_text(json.dumps(config))
    async with AsyncExitStack() as stack:
        platform = stack.enter_context(build(Settings(home=home, config=file, models=models_dir, **settings)))
        admin = platform.keys.in_process()
        address = await stack.enter_async_context(platform.server("127.0.0.1", 0).running())
        http = await stack.enter_async_context(aiohttp.ClientSession(address))
        yield Front(platform, upstream[0], http, admin)
