import textwrap
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI

from pilothouse import faces as pilothouse_faces
from pilothouse.access.budgets import Budgets
from pilothouse.access.limits import Limiter
from pilothouse.app import Platform, build
from pilothouse.cache import Caches
from pilothouse.cache.memory_store import MemoryStore
from pilothouse.call import Call
from pilothouse.config import Config
from pilothouse.gateway import Gateway, Router
from pilothouse.gateway.reliability.attempts import Attempts
from pilothouse.gateway.reliability.health import Health
from pilothouse.gateway.runtime import Runtime
from pilothouse.gateway.visit import Rooms
from pilothouse.guards.policy import Policies
from pilothouse.ids import now_us
from pilothouse.observe import Metrics, PriceOverride, Prices
from pilothouse.observe.costs.ledger import Place, Spent
from pilothouse.protocols import Provider
from pilothouse.settings import Settings
from pilothouse.snapshot import Snapshot
from pilothouse.storage.memory_counters import MemoryCounters
from pilothouse.testing.openai_server import OpenAIServer

from .scripted import Recording


@pytest.fixture(scope="module", autouse=True)
def _faces_when_asked() -> Iterator[None]:
    """The routes of FastAPI are made at the first request that needs one: few tests here ask any, and to make them
    takes two thirds of the time in which a platform begins to serve."""
    faces = pilothouse_faces.faces

    def when_asked(platform: Platform) -> Any:
        made: list[Any] = []

        async def ask(*given: Any) -> None:
            if not made:
                made.append(faces(platform))
            await made[0](*given)

        return ask

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pilothouse_faces, "faces", when_asked)
        yield


@pytest.fixture
def recording() -> Recording:
    return Recording()


@pytest.fixture
def call(recording: Recording) -> Call:
    return Call(recording)


Make = Callable[..., Gateway]


@pytest.fixture
def make_gateway() -> Make:
    """A gateway over providers by name: the alias `m` is the first, each next one the fallback of the one before."""

    def make(**providers: Provider) -> Gateway:
        names = list(providers)
        models = {
            ("m" if i == 0 else name): {
                "deployments": [{"provider": name, "model": f"{name}-model"}],
                "fallbacks": [names[i + 1]] if i + 1 < len(names) else [],
                "resilience": {"retries": 0},
            }
            for i, name in enumerate(names)
        }
        config = Config.model_validate({"providers": {name: {"kind": "openai"} for name in names}, "models": models})
        return gateway_of(config, providers)

    return make


class NoBalances:
    """A ledger without entries."""

    def entered(self, project_id: str, ids: Sequence[str]) -> set[str]:
        return set()

    def spent(self, places: Sequence[Place]) -> list[Spent]:
        return [Spent(0, 0, 0) for _ in places]


def gateway_of(config: Config, providers: Mapping[str, Provider], clock: Callable[[], int] = now_us) -> Gateway:
    """A gateway with everything in memory. Limits and budgets go by `clock`."""
    snapshot, prices, health = Snapshot(1, config), Prices(map(PriceOverride.of, config.prices)), Health()
    counters = MemoryCounters(clock)
    budgets = Budgets(counters, NoBalances(), config, clock=clock)
    rooms = Rooms(Limiter(counters, clock=clock), budgets, Caches(MemoryStore(2**20)), prices)
    router = Router(snapshot, providers, health=health, prices=prices)
    runtime = Runtime(snapshot, providers, router, Policies(config.guards))
    return Gateway(runtime, rooms, Attempts(health), Metrics())


@dataclass
class Served:
    """A platform behind a real port, with an upstream that speaks OpenAI's wire format."""

    address: str
    key: str
    platform: Platform
    upstream: OpenAIServer
    client: AsyncOpenAI


@pytest.fixture
async def served(tmp_path: Path, models_dir: Path) -> AsyncIterator[Served]:
    async with OpenAIServer() as upstream:
        config = tmp_path / "pilothouse.yaml"
        config.write_text(
            textwrap.dedent(f"""
            providers:
              wire: {{kind: openai, base_url: "{upstream.url}/v1", api_key: sk-test, connect_timeout: 2}}
              gone: {{kind: openai, base_url: "http://127.0.0.1:9/v1", api_key: sk-test, connect_timeout: 2}}
            models:
              chat: {{deployments: [{{provider: wire, model: wire-model}}], resilience: {{retries: 0}}}}
              away: {{deployments: [{{provider: gone, model: none}}]}}
              safe: {{deployments: [{{provider: gone, model: none}}], fallbacks: [chat]}}
            """)
        )
        settings = Settings(home=tmp_path / "home", config=config, models=models_dir)
        with build(settings) as platform:
            key = platform.keys.in_process()
            async with (
                platform.server("127.0.0.1", 0).running() as address,
                AsyncOpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0) as client,
            ):
                yield Served(address, key, platform, upstream, client)
