"""Finds what people ask about, while a server runs: one process for all embeds a sample of each day's questions with
the embedded encoder, and groups those of the last days into topics that keep their names.

It uses the encoder that is here and never fetches or builds one. Between two batches it rests as long as they took, so
that requests find the encoder free. Knows nothing of how topics are shown.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np

from pilothouse.access.tenants import project_ids
from pilothouse.ids import new_id, now_us
from pilothouse.lifecycle.live import LiveConfig
from pilothouse.models import BatchingEncoder, EncoderStore
from pilothouse.monitoring import TopicsConfig
from pilothouse.observe.topics.kept import State, Topic, Topics
from pilothouse.observe.topics.questions import Asked, Questions, Vectors
from pilothouse.observe.topics.sample import Sample, rank
from pilothouse.stats.clusters import laid_out, matched, partition, unit
from pilothouse.stats.keywords import holds, labelled
from pilothouse.storage.database import Store
from pilothouse.storage.turns import Turn

__all__ = ["FEWEST", "TopicWork", "make_topics"]

FEWEST = 20
"""With fewer questions there are no topics."""

_FIRST, _TURN, _AGAIN = 60.0, 600.0, 60.0  # seconds
_DAY_US, _HOUR_US, _SETTLED_US = 86_400_000_000, 3_600_000_000, 60_000_000
_BATCH = 32
_TRIED = 4  # traces that are looked at for each one of a day's sample
_READ = 150  # questions of a topic, for its words
_SAME = 0.8  # cosine of centres
_EXAMPLES = 5
_log = logging.getLogger(__name__)


class Embeds(Protocol):
    """The encoder, awaitable: models.BatchingEncoder."""

    async def __call__(self, texts: Sequence[str]) -> Vectors: ...


class TopicWork:
    """`run` for as long as the process serves. `model` gives the fingerprint of the encoder, None where it is not here;
    `clock` gives UTC microseconds."""

    def __init__(
        self, store: Store, encode: Embeds, model: Callable[[], str | None], config: Callable[[], TopicsConfig],
        turn: Turn, clock: Callable[[], int] = now_us,
    ) -> None:  # fmt: skip
        self._store = store
        self._encode = encode
        self._model = model
        self._config = config
        self._turn = turn
        self._clock = clock
        self._sample, self._questions, self._topics = Sample(store), Questions(store), Topics(store)

    @classmethod
    def over(cls, store: Store, live: LiveConfig, encode: BatchingEncoder, models_dir: Path) -> "TopicWork":
        """Of this store, by the configuration as it is at the time."""

        def model() -> str | None:
            files = EncoderStore(models_dir).ready()
            return None if files is None else files.fingerprint

        turn = Turn(store.control, "topics", seconds=_TURN)
        return cls(store, encode, model, lambda: live.snapshot.config.topics, turn)

    async def run(self) -> None:
        """Never ends by itself."""

        async def work() -> float:
            await self.tick()
            return min(self._config().every, _AGAIN)

        await asyncio.sleep(_FIRST)
        await self._turn.serve(work, again=_AGAIN, failing="Topics are not found", logger=_log)

    async def tick(self) -> int:
        """Everything that is due; how many questions were embedded. Nothing where another process is at it."""
        config, embedded = self._config(), 0
        if not await asyncio.to_thread(self._turn.take):
            return 0
        for project in await asyncio.to_thread(project_ids, self._store.control):
            state = await asyncio.to_thread(self._topics.state, project)
            if not config.enabled:
                if state != State():
                    await asyncio.to_thread(self._forget, project)
            elif self._clock() >= state.made_us + config.every * 1e6:
                embedded += await self._find(project, config)
        return embedded

    async def _find(self, project: str, config: TopicsConfig) -> int:
        model = await asyncio.to_thread(self._model)
        if model is None:
            state = await asyncio.to_thread(self._topics.state, project)
            hindered = replace(state, made_us=self._clock(), trouble="encoder")
            await asyncio.to_thread(self._topics.note, project, hindered)
            return 0
        embedded = await self._gather(project, model, config)
        await asyncio.to_thread(make_topics, self._store, project, config.days, self._clock())
        return embedded

    async def _gather(self, project: str, model: str, config: TopicsConfig) -> int:
        """Bring the sample up to date, a day after the other."""
        state = await asyncio.to_thread(self._begun, project, model)
        now, embedded = self._clock() - _SETTLED_US, 0
        since = max(state.cursor_us - _HOUR_US, now - config.days * _DAY_US, 0)  # some traces come late
        while since < now and await asyncio.to_thread(self._turn.take):
            until = min(now, (since // _DAY_US + 1) * _DAY_US)
            embedded += await self._gather_day(project, model, config.per_day, since, until)
            state = replace(state, cursor_us=until)
            await asyncio.to_thread(self._topics.note, project, state)
            since = until
        return embedded

    async def _gather_day(self, project: str, model: str, most: int, since_us: int, until_us: int) -> int:
        """Embed what belongs to the sample of a day and is not in it; what so falls out of it goes."""
        day = since_us // _DAY_US * _DAY_US
        there = set(await asyncio.to_thread(self._questions.traces, project, day, day + _DAY_US))
        first = await asyncio.to_thread(self._sample.first, project, since_us, until_us, most * _TRIED)
        waiting, embedded = [trace for trace in first if trace not in there], 0
        for begin in range(0, len(waiting), _BATCH):
            last = _last(there, most)
            batch = [trace for trace in waiting[begin : begin + _BATCH] if last is None or rank(trace) < last]
            if not batch:
                break
            started = time.monotonic()
            asked = await asyncio.to_thread(self._sample.asked, project, batch)
            vectors = await self._encode([text for _, text in asked.values()])
            rows = [(trace, at, vector) for (trace, (at, _)), vector in zip(asked.items(), vectors, strict=True)]
            embedded += await asyncio.to_thread(self._questions.put, project, model, rows)
            there |= set(asked)
            await asyncio.sleep(time.monotonic() - started)
        if over := sorted(there, key=rank)[most:]:
            await asyncio.to_thread(self._questions.forget, project, over)
        return embedded

    def _begun(self, project: str, model: str) -> State:
        """How far the project is; from the beginning where another encoder made what there is."""
        state = self._topics.state(project)
        if self._questions.model(project) in (None, model):
            return state
        self._forget(project)
        return State()

    def _forget(self, project: str) -> None:
        self._questions.forget_all(project)
        self._topics.write(project, [], {}, State())


def make_topics(store: Store, project: str, days: int, now: int) -> list[Topic]:
    """Group the questions of the last days into topics, and keep those. Blocks for as long as it takes: 0.4 s for 1,400
    questions (measured). The same questions give the same topics; those that were there keep their ids."""
    kept, questions = Topics(store), Questions(store)
    asked = questions.between(project, now - days * _DAY_US, now + 1)
    state = replace(kept.state(project), made_us=now)
    if len(asked) < FEWEST:
        kept.clear(project)
        kept.note(project, replace(state, trouble="few"))
        return []
    before = [one for one in kept.all(project) if one.model == asked.model]
    found = partition(asked.vectors, len(before) or None)
    centres = unit(np.stack([asked.vectors[found == one].mean(axis=0) for one in range(int(found.max()) + 1)]))
    places = laid_out(asked.vectors, found, centres)
    old = matched(np.stack([one.centre for one in before]) if before else centres[:0], centres, _SAME)
    texts = [_texts(store, project, asked, np.flatnonzero(found == one)) for one in range(len(centres))]
    made = []
    for one, words in enumerate(labelled(texts)):
        inside = np.flatnonzero(found == one)
        known = before[old[one]] if one in old else None
        nearest = inside[np.argsort(-(asked.vectors[inside] @ centres[one]), kind="stable")][:_EXAMPLES]
        x, y = np.median(places[inside], axis=0)
        made.append(Topic(
            known.id if known else new_id()[-12:],
            known.words if known and holds(known.words, texts[one]) else tuple(words),
            len(inside), float(x), float(y), tuple(asked.traces[i] for i in nearest), asked.model, centres[one],
        ))  # fmt: skip
    at = {trace: (made[found[i]].id, *map(float, places[i])) for i, trace in enumerate(asked.traces)}
    kept.write(project, made, at, replace(state, trouble=""))
    return made


# ---- parts


def _texts(store: Store, project: str, asked: Asked, inside: Iterable[int]) -> list[str]:
    """What some questions of a topic say, evenly chosen."""
    traces = [asked.traces[i] for i in inside]
    some = traces[:: -(-len(traces) // _READ)]
    return [text for _, text in Sample(store).asked(project, some).values()]


def _last(there: Iterable[str], most: int) -> bytes | None:
    """What a trace's rank must be below to belong to a sample that is full."""
    ranks = sorted(map(rank, there))
    return ranks[most - 1] if len(ranks) >= most else None
