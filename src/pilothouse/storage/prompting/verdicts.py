"""Verdicts over versions of prompts. Knows nothing of how one is found."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Row, insert, select
from sqlalchemy.engine import Engine

from pilothouse.errors import NotFound
from pilothouse.storage.database import writing
from pilothouse.storage.tables.verdicts import prompt_verdicts
from pilothouse.types import Json

__all__ = ["KeptVerdict", "Verdicts"]

MOST_VERDICTS = 500
_V = prompt_verdicts.c


@dataclass(frozen=True, slots=True)
class KeptVerdict:
    """What an evaluation of a version decided. `against` is the version that it was compared with, None where there
    was none; `rule` the hash of what was asked of it. `body` has `reasons`, `notes` and `differences`."""

    id: str
    prompt: str
    version: int
    label: str
    against: int | None
    rule: str
    dataset_id: str | None
    dataset_version: int | None
    run_id: str
    baseline_run_id: str | None
    passed: bool
    actor: str
    made_us: int
    body: Json

    @property
    def reasons(self) -> list[str]:
        """What is against it, in sentences."""
        return list(self.body.get("reasons") or ())

    def to_json(self) -> Json:
        """All fields, those of the body among them."""
        told: Json = msgspec.to_builtins(self)
        body: Json = told.pop("body")
        return told | body


class Verdicts:
    """Of the control database. Every method blocks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, project: str, verdict: KeptVerdict) -> None:
        """Keep one."""
        row = {name: getattr(verdict, name) for name in KeptVerdict.__slots__}
        row["body"] = msgspec.json.encode(verdict.body).decode()
        with writing(self._engine) as connection:
            connection.execute(insert(prompt_verdicts), {"project_id": project, **row})

    def get(self, project: str, verdict_id: str) -> KeptVerdict:
        """Raises NotFound."""
        query = select(prompt_verdicts).where(_V.project_id == project, _V.id == verdict_id.replace("\0", ""))
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound(f"There is no verdict '{verdict_id[:64]}'.")
        return _verdict(row)

    def newest(self, project: str, prompt: str, version: int, rule: str) -> KeptVerdict | None:
        """The last one over a version by a rule."""
        query = select(prompt_verdicts).where(
            _V.project_id == project, _V.prompt == prompt, _V.version == version, _V.rule == rule
        )
        with self._engine.connect() as connection:
            row = connection.execute(query.order_by(_V.id.desc()).limit(1)).one_or_none()
        return None if row is None else _verdict(row)

    def list(
        self, project: str, prompt: str, *, version: int | None = None, before: str | None = None, limit: int = 50
    ) -> Sequence[KeptVerdict]:
        """The newest first, up to `limit` (500 at most); `before` is the last id of the page before."""
        query = select(prompt_verdicts).where(_V.project_id == project, _V.prompt == prompt)
        if version is not None:
            query = query.where(_V.version == version)
        if before is not None:
            query = query.where(_V.id < before.replace("\0", ""))
        query = query.order_by(_V.id.desc()).limit(max(1, min(MOST_VERDICTS, limit)))
        with self._engine.connect() as connection:
            return [_verdict(row) for row in connection.execute(query)]


def _verdict(row: Row[Any]) -> KeptVerdict:
    values = {name: getattr(row, name) for name in KeptVerdict.__slots__}
    return KeptVerdict(**{**values, "body": msgspec.json.decode(values["body"])})
