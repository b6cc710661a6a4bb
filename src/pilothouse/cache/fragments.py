"""Reusable parts of an answer: kept by what they were made from, for a while, within a project.

Knows nothing of templates or models, nor of who makes a part: pilothouse/fragments.py does that in an application.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, NamedTuple, Self

import msgspec

from pilothouse.cache.stores import Store
from pilothouse.ids import now_us

__all__ = ["Fragment", "FragmentCounts", "Fragments", "KeptFragment"]

_PLACE = "\x1ffragments"  # stands where other keys have an alias, which holds no such sign
_COUNTED = 1000


class Fragment(NamedTuple):
    """What a part is known by; see `of`."""

    project_id: str
    section: str
    key: str

    @classmethod
    def of(cls, project_id: str, section: str, inputs: Any = None, manifest: Any = None) -> Self:
        """The part that a `section` of a template (a name without line breaks) gives for its `inputs`, made by what the
        `manifest` names (versions, or their id). Both are anything that JSON holds; the order of names does not matter.
        """
        content = msgspec.json.encode([inputs, manifest], order="deterministic")
        return cls(project_id, section, _prefix(project_id, section) + blake2b(content, digest_size=16).hexdigest())


class KeptFragment(msgspec.Struct, frozen=True, array_like=True):
    """A part as JSON, and when it was kept (UTC microseconds)."""

    value: bytes
    stored_us: int


class FragmentCounts(msgspec.Struct, frozen=True):
    """What became of the look-ups of one section since this process began; `stored` counts parts kept."""

    project_id: str
    section: str
    lookups: int
    hits: int
    stored: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(KeptFragment).decode


class Fragments:
    """The parts in a store. `largest` bounds one, in bytes. Counts are kept of the 1000 sections last used: callers
    name them."""

    def __init__(self, store: Store, *, largest: int, clock: Callable[[], int] = now_us) -> None:
        self.entries = store
        self.largest = largest
        self._clock = clock
        self._counts: OrderedDict[tuple[str, str], Counter[str]] = OrderedDict()

    async def find(self, fragment: Fragment, *, max_age: int | None = None) -> KeptFragment | None:
        """The part, where it is kept and no older than `max_age` seconds."""
        self._count(fragment, "lookups")
        packed = await self.entries.get(fragment.key)
        kept = None if packed is None else _decode(packed)
        if kept is None or (max_age is not None and self._clock() - kept.stored_us >= max_age * 1_000_000):
            return None
        self._count(fragment, "hits")
        return kept

    async def keep(self, fragment: Fragment, value: bytes, ttl: float) -> bool:
        """Keep a part (as JSON) for `ttl` seconds. False for one that is too large."""
        if len(value) > self.largest:
            return False
        await self.entries.put(fragment.key, _encode(KeptFragment(value, self._clock())), ttl)
        self._count(fragment, "stored")
        return True

    async def purge(self, project_id: str, section: str | None = None) -> int:
        """Forget the parts of a project, or of one section of it. How many that were. Raises StorageError."""
        return await self.entries.purge(_prefix(project_id, section))

    def counts(self, project_id: str | None = None) -> list[FragmentCounts]:
        """By project and section; of one project where it is given."""
        return [
            FragmentCounts(project, section, counts["lookups"], counts["hits"], counts["stored"])
            for (project, section), counts in sorted(self._counts.items())
            if project_id in (None, project)
        ]

    def _count(self, fragment: Fragment, what: str) -> None:
        name = (fragment.project_id, fragment.section)
        self._counts.setdefault(name, Counter())[what] += 1
        self._counts.move_to_end(name)
        if len(self._counts) > _COUNTED:
            self._counts.popitem(last=False)


def _prefix(project_id: str, section: str | None) -> str:
    return f"{project_id}\n{_PLACE}\n" if section is None else f"{project_id}\n{_PLACE}\n{section}\n"
