"""`/api/public/v2/observations` and `/v3/scores`: what the Langfuse SDK reads back, with its filters and its paging.

https://api.reference.langfuse.com
"""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from pilothouse.api.caller import Caller
from pilothouse.api.langfuse.queries import listed, time_of
from pilothouse.errors import InvalidRequest
from pilothouse.observe.cursors import cursor_of, place_in
from pilothouse.observe.dialects.langfuse_ids import span_id_of, trace_id_of
from pilothouse.observe.dialects.langfuse_observations import (
    OBSERVATION_FIELDS,
    level_of,
    observation_to_json,
    type_of,
)
from pilothouse.observe.dialects.langfuse_scores import SCORE_FIELDS, score_to_json
from pilothouse.observe.observations import Observations, Sought
from pilothouse.observe.scores import Scores, ScoresSought
from pilothouse.storage import Store
from pilothouse.types import Json

__all__ = ["routes"]

_Text = Annotated[str | None, Field(max_length=2000)]
_At = tuple[Annotated[int, msgspec.Meta(ge=0, lt=2**62)], str]


class _Asked(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, allow_inf_nan=False)
    fields: _Text = None
    cursor: _Text = None
    trace_id: _Text = None
    session_id: _Text = None


class _Observations(_Asked):
    limit: Annotated[int, Field(ge=1, le=1000)] = 50
    name: _Text = None
    user_id: _Text = None
    type: _Text = None
    level: _Text = None
    parent_observation_id: _Text = None
    is_root_observation: bool | None = None
    environment: list[str] = []
    from_start_time: _Text = None
    to_start_time: _Text = None
    version: _Text = None
    filter: _Text = None
    parse_io_as_json: bool = False

    def sought(self) -> Sought:
        """Raises InvalidRequest for what is no filter here."""
        if self.parse_io_as_json:
            raise InvalidRequest("`parseIoAsJson` is over: input and output are always texts.", param="parseIoAsJson")
        if self.filter:
            raise InvalidRequest("`filter` is not supported; use the query's own parameters.", param="filter")
        of_type = type_of(self.type) if self.type else {}
        of_level = level_of(self.level) if self.level else {}
        said = [*of_type.pop("said", ()), *of_level.pop("said", ())]
        unsaid = [*of_type.pop("unsaid", ()), *of_level.pop("unsaid", ())]
        if self.version:
            said.append(("langfuse.version", self.version))
        parent = self.parent_observation_id
        return Sought(
            trace_id=self.trace_id and trace_id_of(self.trace_id), name=self.name, user_id=self.user_id,
            session_id=self.session_id, parent_id=span_id_of(parent) if parent else None,
            root=True if parent == "" else self.is_root_observation, environments=self.environment,
            since_us=time_of(self.from_start_time, "fromStartTime"),
            until_us=time_of(self.to_start_time, "toStartTime"),
            said=said, unsaid=unsaid, **of_type, **of_level,
        )  # fmt: skip


class _Scores(_Asked):
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    id: _Text = None
    name: _Text = None
    source: _Text = None
    data_type: _Text = None
    value: _Text = None
    value_min: float | None = None
    value_max: float | None = None
    observation_id: _Text = None
    from_timestamp: _Text = None
    to_timestamp: _Text = None

    def sought(self) -> ScoresSought:
        """Raises InvalidRequest for filters that do not fit together."""
        kinds = [kind.lower() for kind in listed(self.data_type) or ()]
        if self.observation_id and not self.trace_id:
            raise InvalidRequest("`observationId` needs the `traceId` too.", param="observationId")
        if (self.value_min is not None or self.value_max is not None) and kinds != ["numeric"]:
            raise InvalidRequest("`valueMin` and `valueMax` need `dataType=NUMERIC`.", param="dataType")
        values = listed(self.value)
        if values and len(kinds) != 1:
            raise InvalidRequest("`value` needs a single `dataType`.", param="dataType")
        numbers = [_number(text) for text in values or ()] if kinds in (["numeric"], ["boolean"]) else None
        traces, observations = listed(self.trace_id), listed(self.observation_id)
        return ScoresSought(
            id=listed(self.id), name=listed(self.name), kind=kinds or None, source=_sources(listed(self.source)),
            trace_id=traces and [trace_id_of(one) for one in traces],
            span_id=observations and [span_id_of(one) for one in observations], session_id=listed(self.session_id),
            value=numbers or None, label=values if values and numbers is None else None, least=self.value_min,
            most=self.value_max, since_us=time_of(self.from_timestamp, "fromTimestamp"),
            until_us=time_of(self.to_timestamp, "toTimestamp"),
        )  # fmt: skip


def routes(store: Store) -> APIRouter:
    """The routes."""
    observations, scores = Observations(store), Scores(store)
    router = APIRouter(prefix="/api/public", tags=["langfuse"])

    @router.get("/v2/observations")
    def list_observations(caller: Caller, query: Annotated[_Observations, Query()]) -> Json:
        """Spans, the newest traces first, with the groups of fields that are asked for."""
        groups = _groups(query.fields, OBSERVATION_FIELDS) or frozenset(("core", "basic"))
        page = observations.page(caller.project_id, query.sought(), query.limit, query.cursor, bodies="io" in groups)
        meta = {} if page.next is None else {"cursor": page.next}
        return {"data": [observation_to_json(one, groups) for one in page.found], "meta": meta}

    @router.get("/v3/scores")
    def list_scores(caller: Caller, query: Annotated[_Scores, Query()]) -> Json:
        """Scores, the newest first."""
        groups = _groups(query.fields, SCORE_FIELDS)
        place = None if query.cursor is None else place_in(query.cursor, _At, "the list of scores")
        found = scores.page(caller.project_id, query.sought(), query.limit + 1, place)
        shown, meta = found[: query.limit], Json(limit=query.limit)
        if len(found) > len(shown):
            last = shown[-1][0]
            meta["cursor"] = cursor_of(last.at_us, last.id)
        data = [score_to_json(score, caller.project_id, updated, groups) for score, updated in shown]
        return {"data": data, "meta": meta}

    return router


def _groups(given: str | None, known: tuple[str, ...]) -> frozenset[str]:
    groups = frozenset(listed(given) or ())
    if unknown := sorted(groups - set(known)):
        raise InvalidRequest(f"There is no group of fields '{unknown[0][:40]}'; there are {', '.join(known)}.")
    return groups


def _sources(given: list[str] | None) -> list[str] | None:
    """Ours: API is what applications sent, EVAL our evaluators, ANNOTATION the thumbs of people."""
    if given is None:
        return None
    ours = {"API": ["api", "sdk", "langfuse"], "EVAL": ["evaluator"], "ANNOTATION": ["feedback"]}
    return [name for one in given for name in ours.get(one.upper(), [])]


def _number(text: str) -> float:
    try:
        return {"true": 1.0, "false": 0.0}[text.lower()] if text.lower() in ("true", "false") else float(text)
    except ValueError:
        raise InvalidRequest(f"The value '{text[:40]}' is no number.", param="value") from None
