"""A replay from start to end for those who ask for one: the command line, and a job of the queue."""

import asyncio
from pathlib import Path

from pydantic import BaseModel, Field

from pilothouse.access.loaded import LoadedKeys
from pilothouse.call import DEFAULT_PROJECT
from pilothouse.config import Config
from pilothouse.gateway.routing.complexity import Complexity
from pilothouse.lifecycle.replay import Report, replay
from pilothouse.lifecycle.traffic import Traffic
from pilothouse.models import BatchingEncoder, Encoder, EncoderStore
from pilothouse.protocols import Progress
from pilothouse.settings import Settings
from pilothouse.storage import open_store
from pilothouse.types import Json

__all__ = ["TASK", "ReplayOrder", "replay_task", "run_replay"]

TASK = "config.replay"


class ReplayOrder(BaseModel):
    """What to replay: calls that began from `since_us` until `until_us` (UTC microseconds); see `replay`."""

    since_us: int = Field(ge=0)
    until_us: int = Field(ge=0)
    limit: int | None = Field(None, ge=1)
    semantic: bool = False
    seed: int = 0
    project_id: str = DEFAULT_PROJECT


def run_replay(settings: Settings, config: Config, order: ReplayOrder, progress: Progress | None = None) -> Report:
    """Replay the recorded traffic of this home, under the keys as they are now. For a thread without an event loop."""
    return asyncio.run(_replay(settings, config, order, progress))


def replay_task(payload: Json, progress: Progress) -> Json:
    """The job `config.replay`. The payload has home, config (its secrets hidden: none is needed) and order."""
    settings = Settings.from_env(home=Path(payload["home"]))
    config, order = Config.model_validate(payload["config"]), ReplayOrder.model_validate(payload["order"])
    return run_replay(settings, config, order, progress).to_json()


async def _replay(settings: Settings, config: Config, order: ReplayOrder, progress: Progress | None) -> Report:
    encode = BatchingEncoder(lambda: Encoder(EncoderStore(settings.models_dir).ensure()))
    decides = any(model.strategy == "complexity" for model in config.models.values())
    store = open_store(settings)
    try:
        return await replay(
            Traffic(store, order.project_id),
            config,
            order.since_us,
            order.until_us,
            limit=order.limit,
            seed=order.seed,
            principal_of=LoadedKeys(store.control).principal_of,
            encode=encode if order.semantic else None,
            choose=Complexity(encode).choose if decides else None,
            progress=progress,
        )
    finally:
        await encode.aclose()
        store.close()
