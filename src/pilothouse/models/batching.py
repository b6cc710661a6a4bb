"""The encoder for the event loop: texts wait in one bounded line and run in one worker thread.

A lone request starts at once. Those that wait while a batch runs share the next one, each a fair part of it, so that
a short query never stands behind a whole upload. Knows nothing of models: it runs any Encoder.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pilothouse.errors import Overloaded
from pilothouse.models.encoder import DIMENSIONS, Encoder

if TYPE_CHECKING:
    from pilothouse.protocols import Vectors

__all__ = ["BatchingEncoder"]

_BATCH = 8  # texts: under 0.2 s even where all are long (30 texts of 256 tokens per second and core)
_WAITING = 4096  # texts, before new requests are refused


@dataclass(eq=False, slots=True)
class _Request:
    texts: list[str]
    done: "asyncio.Future[Vectors]"
    vectors: "Vectors" = field(init=False)
    started: int = 0
    finished: int = 0

    def __post_init__(self) -> None:
        self.vectors = np.empty((len(self.texts), DIMENSIONS), dtype=np.float32)


class BatchingEncoder:
    """Makes an Encoder awaitable (protocols.Encode). `load` makes it, in the worker thread, when it is first needed;
    if it raises, the waiting callers get its error and the next call tries again. For one event loop at a time."""

    def __init__(self, load: Callable[[], Encoder], *, batch: int = _BATCH, waiting: int = _WAITING) -> None:
        self._load = load
        self._batch = batch
        self._waiting = waiting
        self._encoder: Encoder | None = None
        self._queue: deque[_Request] = deque()
        self._queued = 0
        self._runner: asyncio.Task[None] | None = None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="encode")
        self._closed = False

    async def __call__(self, texts: Sequence[str]) -> "Vectors":
        """L2-normalised float32 rows, (len(texts), 384). Raises Overloaded when too many texts wait, ModelFilesError
        when the encoder cannot be had. A caller that leaves takes its waiting texts along and hurts nobody else."""
        texts = list(texts)
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("encode takes a list of texts")
        self._admit(len(texts))
        request = _Request(texts, asyncio.get_running_loop().create_future())
        if not texts:
            return request.vectors
        self._queue.append(request)
        self._queued += len(texts)
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
        return await request.done

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each whole text, without the special ones; does not wait for texts being encoded."""
        encoder = await self.ready()
        return await asyncio.to_thread(lambda: [encoder.count_tokens(text) for text in texts])

    async def token_vectors(self, texts: Sequence[str]) -> "list[Vectors]":
        """The vectors of the tokens of each text, (tokens, 384), L2-normalised. One text after the other in the worker
        thread, so that others' texts run between them. Raises Overloaded once closed, ModelFilesError."""
        encoder, loop = await self.ready(), asyncio.get_running_loop()
        found = []
        for text in texts:
            self._admit(0)
            found.append(await loop.run_in_executor(self._worker, encoder.token_vectors, text))
        return found

    async def ready(self) -> Encoder:
        """The loaded encoder itself, for its fingerprint, or to have the first request find it warm."""
        if self._encoder is None:
            self._admit(0)
            await asyncio.get_running_loop().run_in_executor(self._worker, self._loaded)
        return self._loaded()

    async def aclose(self) -> None:
        """Refuse new texts, drop those that wait (their callers get Overloaded), and let the running batch end."""
        self._closed = True
        for request in self._queue:
            self._settle(request, Overloaded("The encoder is closing."))
        self._queue.clear()
        if self._runner is not None and not self._runner.done():
            await asyncio.wait([self._runner])
        self._worker.shutdown(wait=False)

    def _admit(self, count: int) -> None:
        if self._closed:
            raise Overloaded("The encoder is closed.")
        if self._queued and self._queued + count > self._waiting:
            raise Overloaded(f"{self._queued} texts are waiting to be embedded. Try again shortly, or send fewer.")

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while batch := self._next_batch():
            texts = [request.texts[i] for request, start, end in batch for i in range(start, end)]
            try:
                vectors = await loop.run_in_executor(self._worker, self._encode, texts)
            except Exception as error:  # noqa: BLE001 - it is the callers' to see
                for request, _, _ in batch:
                    self._settle(request, error)
                continue
            self._hand_out(batch, vectors)

    def _next_batch(self) -> list[tuple[_Request, int, int]]:
        """Up to `batch` texts as (request, start, end), an equal share for each of the requests that wait longest."""
        for request in [r for r in self._queue if r.done.done()]:
            self._queue.remove(request)
            self._queued -= len(request.texts) - request.started
        share = max(1, self._batch // max(1, len(self._queue)))
        batch = []
        for _ in range(min(self._batch, len(self._queue))):
            request = self._queue.popleft()
            start, request.started = request.started, min(request.started + share, len(request.texts))
            self._queued -= request.started - start
            batch.append((request, start, request.started))
            if request.started < len(request.texts):
                self._queue.append(request)
        return batch

    def _hand_out(self, batch: list[tuple[_Request, int, int]], vectors: "Vectors") -> None:
        row = 0
        for request, start, end in batch:
            request.vectors[start:end] = vectors[row : row + end - start]
            row += end - start
            request.finished += end - start
            if request.finished == len(request.texts):
                self._settle(request, request.vectors)

    @staticmethod
    def _settle(request: _Request, outcome: "Vectors | Exception") -> None:
        if request.done.done():
            return
        if isinstance(outcome, Exception):
            request.done.set_exception(outcome)
        else:
            request.done.set_result(outcome)

    def _loaded(self) -> Encoder:
        """In the worker thread the first time."""
        if self._encoder is None:
            encoder = self._load()
            encoder.load()
            self._encoder = encoder
        return self._encoder

    def _encode(self, texts: list[str]) -> "Vectors":
        return self._loaded().encode(texts)
