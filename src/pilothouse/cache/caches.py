"""The caches as the pipeline sees them: one look-up per call, which then serves the call and stores what came of it.

    lookup = caches.look_up(...)                None: no cache for this call (0.2 us)
    await lookup.serve(make)  -> chunks         exact answer | a call under way | semantic answer | make()
    await lookup.store(...)                     once the call is priced

Knows nothing of HTTP, prices or routing.
"""

import asyncio
from collections import Counter
from collections.abc import Callable

import msgspec

from pilothouse.cache.answers import is_cacheable
from pilothouse.cache.exact import directives_of
from pilothouse.cache.flight import Flights
from pilothouse.cache.fragments import Fragments
from pilothouse.cache.lookup import Lookup
from pilothouse.cache.prefix import PrefixUse, Variation
from pilothouse.cache.semantic import SemanticIndex
from pilothouse.cache.shadow import ShadowReport, Shadows, compare
from pilothouse.cache.stores import Store, StoreStats, prefix_of
from pilothouse.call import Call
from pilothouse.config import ModelConfig
from pilothouse.errors import ModelFilesError, Overloaded
from pilothouse.ids import now_us
from pilothouse.protocols import Encode
from pilothouse.types import ChatRequest, EmbedRequest

__all__ = ["CacheCounts", "Caches"]

_LARGEST = 1024 * 1024
_COMPARING = 8  # shadow comparisons at once; each costs two runs of the encoder


class CacheCounts(msgspec.Struct, frozen=True):
    """What became of the look-ups of one alias since this process began. `stored` counts answers kept, `unread`
    questions that the encoder could not take."""

    project_id: str
    alias: str
    lookups: int
    exact: int
    semantic: int
    coalesced: int
    stored: int
    unread: int


class Caches:
    """Every cache of answers over one Store. `encode` is the embedded encoder, which the semantic cache needs;
    `largest` bounds an answer, in bytes. `variation` and `prompts` are about the providers' own prompt caches;
    `fragments` are parts of answers, kept in the same store. Use `aclose`, which does not close the store."""

    def __init__(
        self, store: Store, *, encode: Encode | None = None, largest: int = _LARGEST, clock: Callable[[], int] = now_us
    ) -> None:
        self.entries = store
        self.encode = encode
        self.largest = largest
        self.clock = clock
        self.flights = Flights()
        self.index = SemanticIndex(store, clock=clock)
        self.fragments = Fragments(store, largest=largest, clock=clock)
        self.shadows = Shadows()
        self.variation = Variation()
        self.prompts = PrefixUse()
        self._counts: dict[tuple[str, str], Counter[str]] = {}
        self._comparing: set[asyncio.Task[None]] = set()

    def look_up(
        self, request: ChatRequest | EmbedRequest, call: Call, alias: str, model: ModelConfig | None, revision: str = ""
    ) -> Lookup | None:
        """What the caches have to do with this call; None for nothing.

        `alias` and `model` are those that the call was routed to; `revision` stands for the alias' deployments, so
        that answers of others are not given for theirs.
        """
        if model is None or (model.exact_cache is None and model.semantic_cache is None):
            return None
        directives = directives_of(call.cache_control)
        if not (directives.read or directives.write) or not call.principal.policy.cache or not is_cacheable(request):
            return None
        lookup = Lookup(self, request, call, alias, model, revision, directives)
        return lookup if lookup.key else None

    def move_to(self, store: Store) -> Store:
        """Go on with another store; gives the one before, for its owner to close. Running look-ups end with the new."""
        before, self.entries = self.entries, store
        self.fragments.entries = store
        self.index = SemanticIndex(store, clock=self.clock)
        return before

    async def purge(self, project_id: str, alias: str | None = None) -> int:
        """Forget what is kept of a project, its fragments too, or the answers of one alias. How many entries that
        were."""
        self.index.forget(prefix_of(project_id, alias))
        return await self.entries.purge(prefix_of(project_id, alias))

    async def stats(self) -> StoreStats:
        return await self.entries.stats()

    def counts(self, project_id: str | None = None) -> list[CacheCounts]:
        """By project and alias; of one project where it is given."""
        names = ("lookups", "exact", "semantic", "coalesced", "stored", "unread")
        return [
            CacheCounts(project, alias, *(counts[name] for name in names))
            for (project, alias), counts in sorted(self._counts.items())
            if project_id in (None, project)
        ]

    def report(self, project_id: str, alias: str) -> ShadowReport:
        """What the semantic cache of an alias in shadow mode would have served, and how much of it falsely."""
        return self.shadows.report(project_id, alias)

    async def aclose(self) -> None:
        for task in self._comparing:
            task.cancel()
        await asyncio.gather(*self._comparing, return_exceptions=True)

    def count(self, project_id: str, alias: str, what: str) -> None:
        counts = self._counts.get((project_id, alias))
        if counts is None:
            counts = self._counts[project_id, alias] = Counter()
        counts[what] += 1

    def compare_later(self, project_id: str, alias: str, real: str, other: str) -> None:
        """In shadow mode: compare the real answer with the one that would have been given, after the call."""
        if self.encode is not None and len(self._comparing) < _COMPARING:
            task = asyncio.create_task(self._compare(self.encode, project_id, alias, real, other))
            self._comparing.add(task)
            task.add_done_callback(self._comparing.discard)

    async def _compare(self, encode: Encode, project_id: str, alias: str, real: str, other: str) -> None:
        try:
            vectors = await encode([real, other])
        except (Overloaded, ModelFilesError):
            return  # an estimate can do without this one
        self.shadows.compared(project_id, alias, compare(real, other, float(vectors[0] @ vectors[1])))
