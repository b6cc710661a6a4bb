"""Reusable parts of an answer: made once for a section of a template, its inputs and what made them; then kept a while.

Of callers who want the same part at once, one makes it. Knows nothing of templates or models.
"""

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Any

import msgspec

from pilothouse.cache.stores import Store

__all__ = ["Fragments"]

_SECTION = "\x1ffragments"  # stands where other keys have an alias, which holds no such sign


class Fragments:
    """Parts by project. Values are anything that JSON holds, and bytes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._making: dict[str, asyncio.Event] = {}

    async def get_or_make(
        self,
        section: str,
        inputs: Any,
        manifest: Any,
        ttl: float,
        make: Callable[[], Awaitable[Any]],
        *,
        project_id: str,
    ) -> Any:
        """The part that `section` gives for `inputs` under `manifest` (versions, or their id); for `ttl` seconds.

        Where `make` fails, its caller gets the error and one of those who wait makes the part for itself.
        """
        content = msgspec.json.encode([section, inputs, manifest], order="deterministic")
        key = f"{project_id}\n{_SECTION}\n{blake2b(content, digest_size=16).hexdigest()}"
        while (value := await self._store.get(key)) is None and (making := self._making.get(key)) is not None:
            await making.wait()
        if value is not None:
            return msgspec.msgpack.decode(value)
        done = self._making[key] = asyncio.Event()
        try:
            made = await make()
            await self._store.put(key, msgspec.msgpack.encode(made), ttl)
            return made
        finally:
            del self._making[key]
            done.set()

    async def purge(self, project_id: str) -> int:
        """Forget the parts of a project. How many that were."""
        return await self._store.purge(f"{project_id}\n{_SECTION}\n")
