"""The answers of a run that were paid for: on the disk of this process at once, in the database soon after.

An answer is appended to a spool by one system call before anything else is made of it, so that a process killed at any
later moment has lost none (storage/spool.py). Knows nothing of models.
"""

import asyncio
from pathlib import Path

import msgspec

from pilothouse.storage import Spool, Store
from pilothouse.storage.evaluating.eval_answers import AnswerRow, EvalAnswers, KeptAnswer

__all__ = ["AnswerBook", "Answered", "Begun", "folder"]

_LARGEST = 256 * 1024 * 1024  # bytes that wait for the database


class Begun(msgspec.Struct, array_like=True, tag="b"):
    """A model is being asked this."""

    project: str
    run_id: str
    key: str


class Answered(msgspec.Struct, array_like=True, tag="a"):
    """It answered: `row` is that of EvalAnswers."""

    project: str
    run_id: str
    key: str
    row: AnswerRow


def folder(home: Path) -> Path:
    """Where the spools of answers lie."""
    return home / "evals"


class AnswerBook:
    """Of one run of a project, on one event loop. `aclose` it: what the database did not take then stays in the spool
    for recovery.py."""

    def __init__(self, store: Store, home: Path, project: str, run_id: str) -> None:
        self._answers = EvalAnswers(store)
        self._spool = Spool.open(folder(home), _LARGEST)
        self._encode = msgspec.msgpack.Encoder().encode
        self._project, self._run = project, run_id
        self._fresh: dict[str, tuple[KeptAnswer, Answered]] = {}
        self._flushing: asyncio.Task[None] | None = None

    async def find(self, key: str) -> KeptAnswer | None:
        """The answer of this key, if anybody ever paid for it. Raises StorageError."""
        if (fresh := self._fresh.get(key)) is not None:
            return fresh[0]
        return (await asyncio.to_thread(self._answers.get, self._project, [key])).get(key)

    def begin(self, key: str) -> None:
        """Note that a model is about to be asked. Raises Overloaded, StorageError."""
        self._spool.append(self._encode(Begun(self._project, self._run, key)))

    def keep(self, key: str, answer: KeptAnswer) -> None:
        """Keep an answer: once this returns it survives a killed process. Raises Overloaded, StorageError."""
        told = Answered(self._project, self._run, key, self._answers.row(self._project, key, answer))
        self._spool.append(self._encode(told))
        self._fresh[key] = answer, told
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())

    async def aclose(self) -> None:
        """Bring the rest to the database and let go of the spool. Raises StorageError where it does not take it."""
        try:
            while self._fresh:
                if self._flushing is None or self._flushing.done():
                    self._flushing = asyncio.create_task(self._flush())
                await asyncio.shield(self._flushing)
            self._spool.discard(self._spool.end)
        finally:
            self._spool.close()

    async def _flush(self) -> None:
        while self._fresh:
            batch, end = dict(self._fresh), self._spool.end
            rows = [told.row for _, told in batch.values()]
            await asyncio.to_thread(self._answers.put_rows, rows)
            for key in batch:
                del self._fresh[key]
            self._spool.discard(end)
