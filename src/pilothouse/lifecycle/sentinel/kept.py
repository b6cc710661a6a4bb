"""Runs of golden calls and where each deployment stands, in the database. Knows nothing of models.

Answers are compressed, and sealed where bodies of spans are. Those of a plan that holds no more are deleted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, RowMapping, Select, delete, select
from sqlalchemy.engine import Connection

from pilothouse.lifecycle.sentinel.answers import Run
from pilothouse.lifecycle.sentinel.course import Course, Status
from pilothouse.storage.database import Store, writing
from pilothouse.storage.tables import sentinel_readings, sentinel_states, upsert

__all__ = ["Kept", "Reading", "State"]

_MOST = 500  # runs whose answers are kept, beside those of the reference
_R, _S = sentinel_readings.c, sentinel_states.c


@dataclass(frozen=True, slots=True)
class State:
    """Where a deployment stands. `since_us` is when its baseline began, `run_us` when it was asked last."""

    project_id: str
    deployment: str
    plan: str
    status: Status
    since_us: int
    run_us: int
    course: Course


@dataclass(frozen=True, slots=True)
class Reading:
    """A run as it is kept, with the evidence for a change after it."""

    run: Run
    evidence: float


class Kept:
    """Of a store. Blocks on the database."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._engine = store.observe

    def state(self, project: str, deployment: str) -> State | None:
        found = self.states(project, deployment)
        return found[0] if found else None

    def states(self, project: str | None, deployment: str | None = None) -> list[State]:
        """By the deployment's id, of a project, or of all."""
        query = select(sentinel_states).order_by(_S.deployment)
        if project is not None:
            query = query.where(_S.project_id == project)
        if deployment is not None:
            query = query.where(_S.deployment == deployment)
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        return [_state(row) for row in rows]

    def put(self, state: State, reading: Reading | None = None) -> None:
        """Keep where a deployment stands, and the run that led there, in one transaction."""
        row = {name: getattr(state, name) for name in State.__slots__ if name != "course"}
        with writing(self._engine) as connection:
            body = {"body": msgspec.json.encode(state.course).decode()}
            connection.execute(upsert(connection, sentinel_states), row | body)
            if reading is not None:
                connection.execute(upsert(connection, sentinel_readings), self._row(state, reading))
                self._forget(connection, state)

    def runs(self, project: str, deployment: str, at_us: Sequence[int]) -> list[Run]:
        """The runs that began at these times, in their order; those that cannot be read are left out."""
        query = select(sentinel_readings).where(*_of(project, deployment), _R.at_us.in_(list(at_us)))
        return [one.run for one in self._read(query.order_by(_R.at_us))]

    def readings(
        self, project: str, deployment: str, limit: int = 50, before: int | None = None, since: int | None = None
    ) -> list[Reading]:
        """The newest runs first, before and from a time on."""
        query = select(sentinel_readings).where(*_of(project, deployment)).order_by(_R.at_us.desc()).limit(limit)
        if before is not None:
            query = query.where(_R.at_us < before)
        if since is not None:
            query = query.where(_R.at_us >= since)
        return self._read(query)

    def drop(self, project: str, deployment: str) -> None:
        """Forget a deployment that is asked no more."""
        with writing(self._engine) as connection:
            connection.execute(delete(sentinel_readings).where(*_of(project, deployment)))
            connection.execute(delete(sentinel_states).where(_S.project_id == project, _S.deployment == deployment))

    def _read(self, query: Select[Any]) -> list[Reading]:
        found = []
        with self._engine.connect() as connection:
            for row in connection.execute(query).all():
                try:
                    body = self._store.packer.unpack(row.body, row.project_id, row.deployment)
                    found.append(Reading(msgspec.convert(body, Run), row.evidence))
                except (ValueError, msgspec.ValidationError):
                    continue
        return found

    def _row(self, state: State, reading: Reading) -> dict[str, object]:
        place = state.project_id, state.deployment
        return {
            "project_id": state.project_id, "deployment": state.deployment, "at_us": reading.run.at_us,
            "plan": state.plan, "evidence": reading.evidence,
            "body": self._store.packer.pack(msgspec.to_builtins(reading.run), *place),
        }  # fmt: skip

    def _forget(self, connection: Connection, state: State) -> None:
        mine = _of(state.project_id, state.deployment)
        connection.execute(delete(sentinel_readings).where(*mine, _R.plan != state.plan))
        edge = select(_R.at_us).where(*mine).order_by(_R.at_us.desc()).offset(_MOST).limit(1)
        oldest = connection.execute(edge).scalar()
        if oldest is not None:
            kept = _R.at_us.not_in(state.course.reference)
            connection.execute(delete(sentinel_readings).where(*mine, _R.at_us <= oldest, kept))


def _of(project: str, deployment: str) -> tuple[ColumnElement[bool], ...]:
    return _R.project_id == project, _R.deployment == deployment


def _state(row: RowMapping) -> State:
    fields: dict[str, Any] = dict(row)
    course = msgspec.json.decode(fields.pop("body"), type=Course)
    return State(**fields, course=course)
