"""What a server does beside its requests, by itself, as one. Knows nothing of how."""

import asyncio
from pathlib import Path

from pilothouse.access import Audit
from pilothouse.cache import Caches
from pilothouse.lifecycle.janitor import Janitor
from pilothouse.lifecycle.live import LiveConfig
from pilothouse.lifecycle.purges import Purges
from pilothouse.lifecycle.reported import ReportedRuns
from pilothouse.lifecycle.review_filling import ReviewFilling
from pilothouse.lifecycle.topics import TopicWork
from pilothouse.models import BatchingEncoder
from pilothouse.storage import Store
from pilothouse.storage.changes import Changes

__all__ = ["upkeep"]


async def upkeep(
    store: Store, live: LiveConfig, audit: Audit, caches: Caches, changes: Changes, encode: BatchingEncoder,
    models_dir: Path,
) -> None:  # fmt: skip
    """Follow purges, delete what is too old, find topics, fill review queues, take what other programs' runs show.
    Never ends by itself."""
    works = (
        Purges(audit, caches, changes), Janitor.over(store, live), TopicWork.over(store, live, encode, models_dir),
        ReviewFilling.over(store), ReportedRuns.over(store),
    )  # fmt: skip
    await asyncio.gather(*(work.run() for work in works))
