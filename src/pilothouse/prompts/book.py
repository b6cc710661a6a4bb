"""The prompts that are asked for, in memory and ready to render: which version a label means, and what experiments run.

What it says is asked for anew as soon as anything about prompts changes, anywhere. While the database is away it goes
on with what it knows. Loads go on in threads, one at a time for the same thing. Knows nothing of requests.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from pilothouse.errors import NotFound, StorageError
from pilothouse.prompts.experiments.shape import Experiment, ModelTarget
from pilothouse.prompts.templates.rendering import Prepared, prepare
from pilothouse.prompts.versions import PromptPage, Reference, Version, reference_of
from pilothouse.storage.changes import Changes

__all__ = ["Book", "Page", "Shelves"]

_TOPIC = "prompts"
_LARGEST = 32_000_000  # characters of the templates that are kept
_LEAST = 2000  # that each counts for at least
_MOST_MISSED = 1000  # references of nothing that are remembered, since callers make them up
_PATIENCE = 2.0  # seconds for a database, of whoever can do with what was known before
_REST = 2.0  # seconds until a database that was found away is asked again by them

_Key = tuple[str, str]


class Shelves(Protocol):
    """Where prompts come from: the registry. Blocks on its database."""

    def get(self, project: str, name: str, *, version: int | None = None, label: str | None = None) -> Version:
        """Raises NotFound, which says what there is, and StorageError."""

    def list(self, project: str, *, label: str | None = None, limit: int = 50) -> PromptPage:
        """The first prompts by name, with this label."""


class Page(NamedTuple):
    """A version, and its templates read and put together."""

    version: Version
    prepared: Prepared

    @property
    def ages(self) -> bool:
        """Whether it includes others, which labels may stand for."""
        return bool(self.prepared.included.labels)

    @property
    def size(self) -> int:
        return max(_LEAST, sum(map(len, self.version.content.texts)))


class _Running(NamedTuple):
    """The experiments of a project, and those of them about models."""

    every: tuple[Experiment, ...] = ()
    on_models: tuple[Experiment, ...] = ()


@dataclass(slots=True)
class _Known:
    """What was so when `at` changes had been seen."""

    at: int
    value: Any


class Book:
    """For one event loop at a time. `running` reads the experiments of a project that may choose, and blocks."""

    def __init__(
        self,
        shelves: Shelves,
        running: Callable[[str], Sequence[Experiment]] = lambda _: (),
        changes: Changes | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shelves = shelves
        self._read_running = running
        self._changes = changes
        self._clock = clock
        self._changed = 0
        self._pages: OrderedDict[_Key, _Known] = OrderedDict()
        self._size = 0
        self._running: dict[str, _Known] = {}
        self._missed: dict[_Key, _Known] = {}
        self._names: dict[tuple[str, int, str | None], _Known] = {}
        self._loading: dict[Any, asyncio.Task[Any]] = {}
        self._rest_until = 0.0
        if changes is not None:
            changes.on(_TOPIC, self.drop)

    def drop(self) -> None:
        """Something changed: what is known is asked for anew. From any thread."""
        self._changed += 1

    def is_quiet(self, project: str) -> bool:
        """Whether no experiment of the project is about a model, as far as is known without asking."""
        known = self._running.get(project)
        return known is not None and known.at == self._changed and not known.value.on_models

    async def on_models(self, project: str) -> Sequence[Experiment]:
        """The experiments of a project about models. None where they cannot be read and never were."""
        return (await self._experiments(project)).on_models

    async def running(self, project: str) -> Sequence[Experiment]:
        """All of them."""
        return (await self._experiments(project)).every

    async def names(self, project: str, most: int, label: str | None = None) -> list[str]:
        """The names of the first prompts, with this label; none where they cannot be read and never were."""
        self._look()
        key = project, most, label
        known = self._names.get(key) or _Known(-1, [])
        if known.at != self._changed:

            def read() -> list[str]:
                return [prompt.name for prompt in self._shelves.list(project, label=label, limit=most).prompts]

            known = self._names[key] = await self._current(known, ("names", project, f"{most} {label}"), read)
        return known.value  # type: ignore[no-any-return]

    async def page(self, project: str, asked: Reference) -> Page:
        """What a reference means now, changes that other processes made included. Raises NotFound, InvalidRequest for
        what cannot be put together, and StorageError where it is not known here."""
        self._look()
        key, at = (project, str(asked)), self._changed
        known = self._pages.get(key)
        if known is not None:
            self._pages.move_to_end(key)
            if known.at == self._changed or (asked.version is not None and not known.value.ages):
                return known.value  # type: ignore[no-any-return]
        missed = self._missed.get(key)
        if missed is not None and missed.at == self._changed:
            raise NotFound(missed.value.message, param=missed.value.param)
        try:
            found = await self._current(known, ("page", *key), lambda: self._read(project, asked))
        except NotFound as error:
            if len(self._missed) >= _MOST_MISSED:
                self._missed.clear()
            self._missed[key] = _Known(at, error)
            raise
        self._keep(key, found)
        return found.value  # type: ignore[no-any-return]

    async def _experiments(self, project: str) -> _Running:
        known = self._running.get(project) or _Known(-1, _Running())
        if known.at != self._changed:
            known = await self._current(known, ("running", project), lambda: self._all_running(project))
            self._running[project] = known
        return known.value  # type: ignore[no-any-return]

    def _look(self) -> None:
        if self._changes is not None:
            try:
                self._changes.check()
            except StorageError:
                return  # what is in memory goes on

    async def _current(self, known: _Known | None, key: tuple[str, ...], load: Callable[[], Any]) -> _Known:
        """What `load` gives; where the database is away what was known before, if anything was."""
        if known is not None and self._clock() < self._rest_until:
            return known
        at = self._changed
        task = self._loading.get((at, key))
        if task is None:
            task = self._loading[at, key] = asyncio.create_task(asyncio.to_thread(load))
            task.add_done_callback(lambda done: self._loaded((at, key), done))
        try:
            if known is None:
                return _Known(at, await asyncio.shield(task))
            return _Known(at, await asyncio.wait_for(asyncio.shield(task), _PATIENCE))
        except (StorageError, TimeoutError):
            if known is None:
                raise
            self._rest_until = self._clock() + _REST
            return known

    def _loaded(self, key: Any, task: asyncio.Task[Any]) -> None:
        self._loading.pop(key, None)
        if not task.cancelled():
            task.exception()  # it is told to whoever waits, and nobody may any more

    def _read(self, project: str, asked: Reference) -> Page:
        version = self._shelves.get(project, asked.name, version=asked.version, label=asked.label)
        same = self._pages.get((project, version.reference))
        if same is not None and not same.value.ages:
            return same.value  # type: ignore[no-any-return]

        def fetch(text: str) -> Version:
            one = reference_of(text)
            return self._shelves.get(project, one.name, version=one.version, label=one.label)

        return Page(version, prepare(version.content, fetch=fetch))

    def _all_running(self, project: str) -> _Running:
        every = tuple(self._read_running(project))
        return _Running(every, tuple(one for one in every if isinstance(one.target, ModelTarget)))

    def _keep(self, key: _Key, found: _Known) -> None:
        before = self._pages.pop(key, None)
        self._size += found.value.size - (0 if before is None else before.value.size)
        self._pages[key] = found
        while self._size > _LARGEST and len(self._pages) > 1:
            _, oldest = self._pages.popitem(last=False)
            self._size -= oldest.value.size
