"""Recorded calls with their scores, as pairs: requests that a simple and a complex model both answered.

Two calls are of one request where their messages and tools are the same, or where one mirrors the other (shadow
traffic). Knows nothing of training.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import RowMapping, select, tuple_
from sqlalchemy.engine import Connection

from pilothouse.config import Config
from pilothouse.errors import InvalidRequest
from pilothouse.gateway.dialects.messages import read_request
from pilothouse.gateway.dialects.responses import response_request
from pilothouse.gateway.routing.difficulty import features
from pilothouse.gateway.routing.training import Pair
from pilothouse.ids import content_hash
from pilothouse.lifecycle.pairing import Answers, Asked, Place, groups_of
from pilothouse.lifecycle.scored import NEEDED, asked_at, call_of, source_of
from pilothouse.observe.bodies import bodies_at
from pilothouse.storage import Store
from pilothouse.storage.span_days import of_traces
from pilothouse.storage.tables import scores, spans
from pilothouse.types import ChatRequest, Json

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Judged", "Sides", "judged_pairs"]

_MOST = 100_000
_PAGE = 200
_READ = 2000  # characters of a text: more than the encoder's 256 tokens hold


@dataclass(frozen=True, slots=True)
class Sides:
    """The names of the two models: of aliases, deployments, or models as providers call them."""

    simple: frozenset[str]
    complex: frozenset[str]

    @classmethod
    def of(cls, config: Config, simple: str, complex_: str) -> "Sides":
        """Of two aliases with their deployments, or of other names as they are."""
        one, other = ({name, *_deployments(config, name)} for name in (simple, complex_))
        return cls(frozenset(one), frozenset(other))

    def side(self, call: RowMapping) -> Literal["simple", "complex"] | None:
        """Which of the two answered: the deployment says, else the model asked for, else the one that answered."""
        for name in ("deployment", "request_model", "response_model"):
            simple, hard = call[name] in self.simple, call[name] in self.complex
            if simple != hard:
                return "simple" if simple else "complex"
        return None


@dataclass(frozen=True, slots=True)
class Judged:
    """`pairs`, and the cheap `features` of each one's request. Of the calls that were scored, so many `answered` by
    either model; the others were `left_out`, by reason."""

    pairs: "list[Pair]"
    features: "list[NDArray[Any]]"
    answered: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)


def judged_pairs(
    store: Store, project_id: str, score: str, sides: Sides, since_us: int, *, passing: float | None = None
) -> Judged:
    """Pairs from the newest 100,000 scores of this name that were given since then (UTC microseconds).

    With `passing` a score from there on counts as 1, any other as 0; without, they go from 0 to 1. Raises
    InvalidRequest where they do not.
    """
    reading = _Reading(store, project_id, score, sides)
    with store.observe.connect() as connection:
        for page in reading.pages(connection, since_us):
            reading.take(connection, page, passing)
        both = [asked for asked in reading.requests.values() if asked.paired]
        found = dict(_texts(connection, store, project_id, both))
    said = [(asked, group) for asked, group in zip(both, groups_of(both), strict=True) if asked.place in found]
    reading.left_out["their text is empty"] += len(both) - len(said)
    pairs = [
        Pair(found[asked.place][0], asked.simple.score, asked.complex.score, asked.simple.usd, asked.complex.usd, group)
        for asked, group in said
    ]
    return Judged(pairs, [found[asked.place][1] for asked, _ in said], reading.answered, +reading.left_out)


class _Reading:
    """What was read so far: requests by their content."""

    def __init__(self, store: Store, project_id: str, score: str, sides: Sides) -> None:
        self._store = store
        self._project = project_id
        self._score = score
        self._sides = sides
        self.requests: dict[str, Asked] = {}
        self.answered: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()

    def pages(self, connection: Connection, since_us: int) -> Iterator[Sequence[RowMapping]]:
        """The scores, newest first."""
        c = scores.c
        query = select(c.id, c.at_us, c.trace_id, c.span_id, c.value).where(
            c.project_id == self._project, c.name == self._score, c.at_us >= since_us, c.trace_id.is_not(None),
            c.value.is_not(None),
        )  # fmt: skip
        query, last = query.order_by(c.at_us.desc(), c.id.desc()).limit(_PAGE), None
        for _ in range(_MOST // _PAGE):
            begin = query if last is None else query.where(tuple_(c.at_us, c.id) < tuple_(*last))
            page = connection.execute(begin).mappings().all()
            if not page:
                return
            yield page
            last = (page[-1]["at_us"], page[-1]["id"])

    def take(self, connection: Connection, page: Sequence[RowMapping], passing: float | None) -> None:
        traces = _spans(connection, self._project, {row["trace_id"] for row in page})
        judged = []
        for row in page:
            call = call_of(traces.get(row["trace_id"], {}), row["span_id"])
            side = None if isinstance(call, str) else self._sides.side(call)
            if isinstance(call, str) or side is None:
                self.left_out[call if isinstance(call, str) else "another model answered"] += 1
                continue
            judged.append((self._valued(row["value"], passing), side, call, asked_at(traces[row["trace_id"]], call)))
        places = {(at["trace_id"], at["id"], at["payload_day"]) for *_, at in judged}
        bodies = bodies_at(connection, self._store, self._project, places)
        for value, side, call, at in judged:
            place, operation = (at["trace_id"], at["id"]), at["operation"]
            request = _request(bodies.get(place), operation)
            if request is None:
                self.left_out["what was asked is not kept"] += 1
                continue
            self.answered[side] += 1
            content = content_hash([request.messages, request.tools])
            asked = self.requests.setdefault(content, Asked(place, at["payload_day"], operation))
            asked.sources.add(source_of(traces[call["trace_id"]], call))
            answers: Answers = getattr(asked, side)
            answers.scores.append(value)
            known = call["cost_known"] and call["cost_nano"] is not None
            answers.costs[call["trace_id"], call["id"]] = call["cost_nano"] if known else None

    def _valued(self, value: float, passing: float | None) -> float:
        if passing is not None:
            return float(value >= passing)
        if not 0 <= value <= 1:
            raise InvalidRequest(
                f"The score '{self._score}' does not go from 0 to 1: one is {value:g}. Say from which value on an "
                "answer is good enough (--passing).",
                param="passing",
            )
        return value


def _deployments(config: Config, name: str) -> list[str]:
    model = config.models.get(name)
    return [] if model is None else [deployment.id for deployment in model.deployments]


def _spans(connection: Connection, project: str, traces: Collection[str]) -> dict[str, dict[str, RowMapping]]:
    """The spans of these traces, by their id."""
    c = spans.c
    query = select(*(c[name] for name in NEEDED)).where(of_traces(connection, [(project, trace) for trace in traces]))
    found: dict[str, dict[str, RowMapping]] = {}
    for row in connection.execute(query).mappings():
        found.setdefault(row["trace_id"], {})[row["id"]] = row
    return found


def _texts(
    connection: Connection, store: Store, project: str, requests: Sequence[Asked]
) -> "Iterator[tuple[Place, tuple[str, NDArray[Any]]]]":
    """The beginning of what was asked last, and the features of the request; not of one without a text."""
    for start in range(0, len(requests), _PAGE):
        some = requests[start : start + _PAGE]
        bodies = bodies_at(connection, store, project, [(*asked.place, asked.day) for asked in some])
        for asked in some:
            request = _request(bodies.get(asked.place), asked.operation)
            text = "" if request is None else request.last_user_text()[:_READ]
            if request is not None and text.strip():
                yield asked.place, (text, features(request))


def _request(body: Any, operation: str | None) -> ChatRequest | None:
    """What was asked, as a chat; None where it was not kept, or not as something that can be read."""
    given = body.get("input") if isinstance(body, dict) else None
    if not isinstance(given, dict):
        return None
    asked: Json = {**given, "model": given.get("model") or "unknown"}
    try:
        if operation == "messages":
            return read_request(asked, counting=True).as_chat
        if operation == "responses" or ("messages" not in asked and "input" in asked):
            return response_request(asked).as_chat
        return ChatRequest.check(asked, "text_completion" if operation == "text_completion" else "chat")
    except InvalidRequest:
        return None
