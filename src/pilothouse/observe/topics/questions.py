"""What traces were asked, as vectors: a sample of each day, for topics and for drift. Knows nothing of encoders.

A vector is kept as half-precision numbers (0.8 KB for 384, a cosine is off by less than 0.001) after one byte that says
so, and sealed where bodies of spans are, since much of a text can be read back from its vector. It goes with its trace.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.engine import Connection

from pilothouse.observe.sums.summaries import known_traces
from pilothouse.storage.database import Store, writing
from pilothouse.storage.keyring import SealedAway
from pilothouse.storage.statements import among
from pilothouse.storage.tables import question_vectors, upsert

__all__ = ["Asked", "Questions", "Vector", "Vectors"]

Vector = NDArray[np.float32]
Vectors = NDArray[np.float32]

_HALF = b"\x01"  # no sealed blob begins so
_TYPE = np.dtype("<f2")
_AT_ONCE = 1000
_C = question_vectors.c


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions in the order of time: row i of `vectors` (n, dimensions; L2-normalised) was asked in `traces[i]` at
    `at_us[i]`. `model` is the fingerprint of the encoder that made them all."""

    model: str
    traces: list[str]
    at_us: list[int]
    vectors: Vectors

    def __len__(self) -> int:
        return len(self.traces)


class Questions:
    """Of a store. Blocks on the database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, project: str, model: str, rows: Iterable[tuple[str, int, Vector]]) -> int:
        """Keep the question of each (trace, its start in microseconds, vector), in place of what is there; how many.

        Traces that are not there (any more) are left out.
        """
        given = list(rows)
        with writing(self._store.observe) as connection:
            there = known_traces(connection, [(project, trace) for trace, _, _ in given])
            kept = [
                {
                    "project_id": project, "trace_id": trace, "at_us": at, "model": model, "topic": None, "x": None,
                    "y": None, "body": self._packed(project, trace, vector),
                }
                for trace, at, vector in given if (project, trace) in there
            ]  # fmt: skip
            if kept:
                connection.execute(upsert(connection, question_vectors), kept)
        return len(kept)

    def between(self, project: str, since_us: int, until_us: int, limit: int | None = None) -> Asked:
        """The questions of traces that began from `since_us` on and before `until_us`; where there are more than
        `limit`, that many of them, evenly spread. All of one encoder, that of the newest.

        What no key opens is left out.
        """
        with self._store.observe.connect() as connection:
            newest = select(_C.model).where(*_within(project, since_us, until_us)).order_by(_C.at_us.desc()).limit(1)
            model = connection.scalar(newest) or ""
            chosen = _spread(self._places(connection, project, since_us, until_us), limit)
            return self._read(connection, project, model, chosen)

    def of(self, project: str, traces: Sequence[str], model: str) -> Asked:
        """The questions of these traces, as far as this encoder made them."""
        with self._store.observe.connect() as connection:
            return self._read(connection, project, model, traces)

    def count(self, project: str, since_us: int, until_us: int) -> int:
        """How many `between` would find, of any encoder."""
        with self._store.observe.connect() as connection:
            query = select(func.count()).select_from(question_vectors).where(*_within(project, since_us, until_us))
            return connection.scalar(query) or 0

    def traces(self, project: str, since_us: int, until_us: int) -> list[str]:
        """The traces whose questions are kept, in the order of time. Read from an index."""
        with self._store.observe.connect() as connection:
            return self._places(connection, project, since_us, until_us)

    def forget(self, project: str, traces: Sequence[str]) -> None:
        """Delete the questions of these traces."""
        with writing(self._store.observe) as connection:
            for some in _parts(traces):
                keys = [(project, trace) for trace in some]
                connection.execute(
                    delete(question_vectors).where(among(connection, (_C.project_id, _C.trace_id), keys))
                )

    def forget_all(self, project: str) -> None:
        """Delete every question of the project."""
        with writing(self._store.observe) as connection:
            connection.execute(delete(question_vectors).where(_C.project_id == project))

    def model(self, project: str) -> str | None:
        """The fingerprint of the encoder that made the newest vector; None where there is none."""
        newest = select(_C.model).where(_C.project_id == project).order_by(_C.at_us.desc()).limit(1)
        with self._store.observe.connect() as connection:
            return connection.scalar(newest)

    # ---- parts

    def _places(self, connection: Connection, project: str, since_us: int, until_us: int) -> list[str]:
        query = select(_C.trace_id).where(*_within(project, since_us, until_us)).order_by(_C.at_us, _C.trace_id)
        return [*connection.execute(query).scalars()]

    def _read(self, connection: Connection, project: str, model: str, chosen: Sequence[str]) -> Asked:
        found: list[tuple[int, str, Vector]] = []
        for some in _parts(chosen):
            keys = [(project, trace) for trace in some]
            query = select(_C.at_us, _C.trace_id, _C.body).where(among(connection, (_C.project_id, _C.trace_id), keys))
            for at, trace, body in connection.execute(query.where(_C.model == model)):
                try:
                    found.append((at, trace, self._unpacked(body, project, trace)))
                except SealedAway:
                    continue
        found.sort(key=lambda row: row[:2])
        vectors = np.stack([row[2] for row in found]) if found else np.empty((0, 0), np.float32)
        return Asked(model, [row[1] for row in found], [row[0] for row in found], vectors)

    def _packed(self, project: str, trace: str, vector: Vector) -> bytes:
        return self._store.packer.seal(_HALF + vector.astype(_TYPE).tobytes(), project, trace)

    def _unpacked(self, body: bytes, project: str, trace: str) -> Vector:
        plain = self._store.packer.open(body, project, trace)
        vector = np.frombuffer(plain, _TYPE, offset=len(_HALF)).astype(np.float32)
        return np.asarray(vector / (np.linalg.norm(vector) or 1.0), np.float32)


def _within(project: str, since_us: int, until_us: int) -> tuple[ColumnElement[bool], ...]:
    return _C.project_id == project, _C.at_us >= since_us, _C.at_us < until_us


def _spread(places: list[str], limit: int | None) -> list[str]:
    if limit is None or len(places) <= limit:
        return places
    return [places[i * len(places) // limit] for i in range(limit)]


def _parts(places: Sequence[str]) -> Iterable[Sequence[str]]:
    return (places[first : first + _AT_ONCE] for first in range(0, len(places), _AT_ONCE))
