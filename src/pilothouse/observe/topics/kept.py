"""Topics as they are kept: what each is called, how large it is, and which questions are in it. Knows nothing of how
they are found.

What a topic is called and where its centre lies says something of the questions, and is sealed as they are.
"""

import base64
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Update, bindparam, delete, func, select, update

from pilothouse.storage.database import Store, writing
from pilothouse.storage.tables import question_vectors, topic_states, topics, upsert
from pilothouse.types import Json

__all__ = ["Dot", "Place", "State", "Topic", "Topics"]

Vector = NDArray[np.float32]
Place = tuple[str, float, float]
"""The id of a topic, and where on the map."""

_AT_ONCE = 1000
_Q, _T = question_vectors.c, topics.c


@dataclass(frozen=True, slots=True)
class Topic:
    """`words` tell it from the others, none where no word is shared; `examples` are the traces nearest its centre.

    `model` is the fingerprint of the encoder in whose space `centre` lies.
    """

    id: str
    words: tuple[str, ...]
    size: int
    x: float
    y: float
    examples: tuple[str, ...] = ()
    model: str = ""
    centre: Vector = field(default_factory=lambda: np.empty(0, np.float32), compare=False)

    @property
    def label(self) -> str:
        """Its words, else why it has none."""
        if not self.model:
            return f"sealed with another key ({self.id})"
        return ", ".join(self.words) or f"no word in common ({self.id})"


@dataclass(frozen=True, slots=True)
class State:
    """Until when a project's traces were gone through, when topics were made (UTC microseconds, 0 for never), and what
    hinders them: `encoder` where that is not here, `few` where there are too few questions."""

    cursor_us: int = 0
    made_us: int = 0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Dot:
    """A question on the map."""

    trace: str
    topic: str
    x: float
    y: float


class Topics:
    """Of a store. Blocks on the database."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._engine = store.observe

    def state(self, project: str) -> State:
        c = topic_states.c
        with self._engine.connect() as connection:
            query = select(c.cursor_us, c.made_us, c.trouble).where(c.project_id == project)
            row = connection.execute(query).one_or_none()
        return State() if row is None else State(*row)

    def note(self, project: str, state: State) -> None:
        """Keep how far it came, where that is another place than before."""
        if state != self.state(project):
            with writing(self._engine) as connection:
                row = {"cursor_us": state.cursor_us, "made_us": state.made_us, "trouble": state.trouble}
                connection.execute(upsert(connection, topic_states), {"project_id": project, **row})

    def all(self, project: str) -> list[Topic]:
        """The largest first. What no key opens has no words."""
        query = select(topics).where(_T.project_id == project).order_by(_T.size.desc(), _T.id)
        with self._engine.connect() as connection:
            return [self._topic(row) for row in connection.execute(query)]

    def find(self, project: str, told: str) -> str:
        """The id of the topic with this id or label, else what was told."""
        there = self.all(project)
        return next((one.id for one in there if told.lower() in (one.id, one.label.lower())), told)

    def counts(self, project: str, since_us: int, until_us: int) -> dict[str, int]:
        """How many questions of the sample are in each topic, of traces that began in that time. Reads an index."""
        query = select(_Q.topic, func.count()).where(
            _Q.project_id == project, _Q.at_us >= since_us, _Q.at_us < until_us, _Q.topic.is_not(None)
        )
        with self._engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(query.group_by(_Q.topic))}

    def over_time(self, project: str, since_us: int, until_us: int, step_us: int) -> dict[str, dict[int, int]]:
        """The same by steps of so many microseconds, by the beginning of each; steps without any are left out."""
        step = (_Q.at_us - _Q.at_us % step_us).label("step")
        query = select(_Q.topic, step, func.count()).where(
            _Q.project_id == project, _Q.at_us >= since_us, _Q.at_us < until_us, _Q.topic.is_not(None)
        )
        found: defaultdict[str, dict[int, int]] = defaultdict(dict)
        with self._engine.connect() as connection:
            for topic, at, count in connection.execute(query.group_by(_Q.topic, "step")):
                found[topic][at] = count
        return dict(found)

    def dots(self, project: str, since_us: int, until_us: int, most: Mapping[str, int]) -> list[Dot]:
        """The newest questions of each topic in that time, as many as `most` says."""
        found = []
        with self._engine.connect() as connection:
            for topic, limit in most.items():
                query = select(_Q.trace_id, _Q.topic, _Q.x, _Q.y).where(
                    _Q.project_id == project, _Q.topic == topic, _Q.at_us >= since_us, _Q.at_us < until_us
                )
                rows = connection.execute(query.order_by(_Q.at_us.desc()).limit(limit))
                found += [Dot(*row) for row in rows if row.x is not None]
        return found

    def write(self, project: str, found: Sequence[Topic], places: Mapping[str, Place], state: State) -> None:
        """These are the topics now, and where each trace's question lies. In steps, that writers do not wait."""
        with writing(self._engine) as connection:
            rows = [self._row(project, topic) for topic in found]
            connection.execute(delete(topics).where(_T.project_id == project))
            if rows:
                connection.execute(topics.insert(), rows)
        moves = [{"of": trace, "to": topic, "px": x, "py": y} for trace, (topic, x, y) in places.items()]
        for first in range(0, len(moves), _AT_ONCE):
            with writing(self._engine) as connection:
                connection.execute(_moved(project), moves[first : first + _AT_ONCE])
        self.note(project, state)

    def clear(self, project: str) -> None:
        """No topics."""
        with writing(self._engine) as connection:
            connection.execute(delete(topics).where(_T.project_id == project))
            connection.execute(
                update(question_vectors).where(_Q.project_id == project, _Q.topic.is_not(None)).values(topic=None)
            )

    # ---- parts

    def _row(self, project: str, topic: Topic) -> dict[str, object]:
        told = {
            "words": topic.words, "examples": topic.examples, "model": topic.model,
            "centre": base64.b64encode(topic.centre.astype("<f2").tobytes()).decode(),
        }  # fmt: skip
        place = {"size": topic.size, "x": topic.x, "y": topic.y}
        body = self._store.packer.pack(told, project, topic.id)
        return {"project_id": project, "id": topic.id, **place, "body": body}

    def _topic(self, row: Any) -> Topic:
        told: Json = {}
        with suppress(ValueError):  # sealed away, or damaged
            told = self._store.packer.unpack(row.body, row.project_id, row.id)
        words, examples = told.get("words", ()), told.get("examples", ())
        centre = np.frombuffer(base64.b64decode(told.get("centre", "")), "<f2").astype(np.float32)
        place = (row.size, row.x, row.y)
        return Topic(row.id, tuple(words), *place, tuple(examples), told.get("model", ""), centre)


def _moved(project: str) -> Update:
    these = (_Q.project_id == project, _Q.trace_id == bindparam("of"))
    return update(question_vectors).where(*these).values(topic=bindparam("to"), x=bindparam("px"), y=bindparam("py"))
