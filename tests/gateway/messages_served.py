"""A platform over one vendor's wire-format server, with the official `anthropic` client in front of it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from anthropic import AsyncAnthropic

from pilothouse.app import Platform, build
from pilothouse.call import Span
from pilothouse.settings import Settings
from pilothouse.testing import WireServer
from pilothouse.testing.anthropic_server import AnthropicServer
from pilothouse.testing.bedrock_server import ACCESS_KEY, REGION, SECRET_KEY, BedrockServer
from pilothouse.testing.cohere_server import CohereServer
from pilothouse.testing.google_server import GoogleServer
from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.types import Json

SERVERS: dict[str, type[WireServer]] = {
    "openai": OpenAIServer,
    "anthropic": AnthropicServer,
    "google": GoogleServer,
    "bedrock": BedrockServer,
    "cohere": CohereServer,
}
_AWS = {"region": REGION, "aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY}


@dataclass
class Served:
    address: str
    key: str
    platform: Platform
    upstream: WireServer
    client: AsyncAnthropic

    def spans(self) -> list[Span]:
        """What was recorded, latest trace first."""
        self.platform.drainer.flush()
        rows = self.platform.traces.list(limit=100).rows
        return [span for row in rows for span in self.platform.traces.get(row.trace_id).spans]


def provider(vendor: str, upstream: WireServer) -> Json:
    """The configuration of a provider of this vendor's kind."""
    url = f"{upstream.url}/v1" if vendor == "openai" else upstream.url
    secret = {"options": _AWS} if vendor == "bedrock" else {"api_key": "secret"}
    return {"kind": vendor, "base_url": url, **secret}


@asynccontextmanager
async def serving(home: Path, models_dir: Path, upstream: WireServer, config: Json) -> AsyncIterator[Served]:
    path = home / "pilothouse.yaml"
    path.write_text(json.dumps(config))
    with build(Settings(home=home / "home", config=path, models=models_dir)) as platform:
        key = platform.keys.in_process()
        async with (
            platform.server("127.0.0.1", 0).running() as address,
            AsyncAnthropic(base_url=address, api_key=key, max_retries=0) as client,
        ):
            yield Served(address, key, platform, upstream, client)
