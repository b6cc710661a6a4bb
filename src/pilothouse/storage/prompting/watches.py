"""Where the watch over labels of prompts stands, and which labels there are to watch. Knows nothing of figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, and_, delete, select
from sqlalchemy.engine import Engine

from pilothouse.storage.database import writing
from pilothouse.storage.statements import upsert
from pilothouse.storage.tables.prompting import prompt_labels, prompt_moves
from pilothouse.storage.tables.verdicts import prompt_watches
from pilothouse.types import Json

__all__ = ["Standing", "Watched", "Watches"]

_W, _L, _M = prompt_watches.c, prompt_labels.c, prompt_moves.c


@dataclass(frozen=True, slots=True)
class Standing:
    """A label that was promoted from the version `before` to `version`, and stands there since."""

    project_id: str
    name: str
    label: str
    move_id: str
    version: int
    before: int
    at_us: int


@dataclass(frozen=True, slots=True)
class Watched:
    """Where the watch over a label stands since its last move: the alert that is open, whether the label went back for
    it, and in `body` the figures of the last look."""

    project_id: str
    prompt: str
    label: str
    move_id: str
    alert_id: str | None
    acted: bool
    looked_us: int
    body: Json

    def to_json(self) -> Json:
        """Without what the watch keeps for itself."""
        return {
            "label": self.label, "move": self.move_id, "alert": self.alert_id, "went_back": self.acted,
            "looked_us": self.looked_us, "figures": self.body.get("figures") or [], "says": self.body.get("says"),
            "failed": self.body.get("failed"),
        }  # fmt: skip


class Watches:
    """Of the control database. Every method blocks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, project: str | None = None, prompt: str | None = None) -> Sequence[Watched]:
        """Of a prompt, of a project, or all."""
        query = select(prompt_watches)
        for column, wanted in ((_W.project_id, project), (_W.prompt, prompt)):
            query = query if wanted is None else query.where(column == wanted)
        with self._engine.connect() as connection:
            return [_watched(row) for row in connection.execute(query.order_by(_W.project_id, _W.prompt, _W.label))]

    def put(self, watched: Watched) -> None:
        """Keep where it stands."""
        row = {name: getattr(watched, name) for name in Watched.__slots__}
        row["body"] = msgspec.json.encode(watched.body).decode()
        with writing(self._engine) as connection:
            connection.execute(upsert(connection, prompt_watches), row)

    def drop(self, project: str, prompt: str, label: str) -> None:
        """Forget a label that is watched no more."""
        here: tuple[ColumnElement[bool], ...] = (_W.project_id == project, _W.prompt == prompt, _W.label == label)
        with writing(self._engine) as connection:
            connection.execute(delete(prompt_watches).where(*here))

    def standing(self, labels: Sequence[str], since_us: int) -> Sequence[Standing]:
        """The labels of these names whose last move is a promotion from one version to another, since that time."""
        same = (_M.project_id == _L.project_id, _M.name == _L.name, _M.label == _L.label, _M.number == _L.move)
        query = (
            select(_M.project_id, _M.name, _M.label, _M.id.label("move_id"), _M.version, _M.before, _M.at_us)
            .select_from(prompt_labels.join(prompt_moves, and_(*same)))
            .where(_L.label.in_(sorted(set(labels))), _L.updated_us >= since_us, _M.kind == "promote")
            .where(_M.before.is_not(None), _M.version != _M.before)
            .order_by(_M.project_id, _M.name, _M.label)
        )
        with self._engine.connect() as connection:
            return [Standing(**row._mapping) for row in connection.execute(query)]


def _watched(row: Row[Any]) -> Watched:
    values = {name: getattr(row, name) for name in Watched.__slots__}
    return Watched(**{**values, "body": msgspec.json.decode(values["body"])})
