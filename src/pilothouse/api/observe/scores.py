"""`/api/scores` and `/api/feedback`: how good a trace was, said by applications and by people."""

import asyncio
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from pilothouse.api.caller import Caller, InProject
from pilothouse.api.observe.one_by_one import OneByOne
from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.ids import content_hash, new_id
from pilothouse.observe.scores import LARGEST, Score, Scores
from pilothouse.types import Json

__all__ = ["routes"]

_Id = Annotated[str, Field(min_length=1, max_length=200)]
_Text = Annotated[str, Field(max_length=10_000)]
_TRACE_OF_REQUEST = "req_"


class _Given(BaseModel):
    """`value` is a number, or True or False, or a text as a label. The same `id` again replaces a score."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    id: _Id | None = None
    trace_id: _Id | None = None
    span_id: _Id | None = None
    session_id: _Id | None = None
    name: Annotated[str, Field(min_length=1, max_length=200)]
    kind: Literal["numeric", "boolean", "categorical"] | None = None
    value: Annotated[bool | float | str | None, Field(union_mode="left_to_right")] = None
    label: Annotated[str, Field(max_length=500)] | None = None
    comment: _Text | None = None
    metadata: dict[str, Any] = {}
    source: Literal["sdk", "api", "evaluator"] = "api"
    at_us: Annotated[int, Field(ge=0, lt=2**53)] = 0


class _Several(BaseModel):
    model_config = ConfigDict(extra="forbid")
    scores: Annotated[list[_Given], Field(min_length=1, max_length=10_000)]


class _Feedback(BaseModel):
    """Of a trace, or of the request that the answer's `x-request-id` names. One `user` has one voice."""

    model_config = ConfigDict(extra="forbid")
    trace_id: _Id | None = None
    request_id: _Id | None = None
    thumb: Literal["up", "down"]
    user: Annotated[str, Field(max_length=200)] | None = None
    comment: _Text | None = None


def routes(scores: Scores, turn: OneByOne) -> APIRouter:
    """The routes over the scores of a store, which are written in `turn`."""
    router = APIRouter(prefix="/api", tags=["scores"])

    @router.post("/scores")
    async def put(body: _Given | _Several, caller: Caller, project: InProject) -> Json:
        """Keep one score, or several as `scores`. The ids are in the answer."""
        made = [_score(given, caller.name) for given in (body.scores if isinstance(body, _Several) else [body])]
        await turn.run(partial(scores.put, project, made))
        return {"ids": [score.id for score in made]}

    @router.post("/feedback")
    async def judge(body: _Feedback, caller: Caller, project: InProject) -> Json:
        """A thumb up (1) or down (0), as the score `feedback`. Given again by the same user, it replaces the former."""
        trace = body.trace_id
        if trace is None and body.request_id is not None:
            trace = await asyncio.to_thread(scores.trace_of, project, body.request_id)
            if trace is None and body.request_id.startswith(_TRACE_OF_REQUEST):  # its span may be on its way
                trace = body.request_id.removeprefix(_TRACE_OF_REQUEST)
        if trace is None:
            if body.request_id is None:
                raise InvalidRequest("Name what is judged: `trace_id` or `request_id`.", param="trace_id")
            raise NotFound(f"There is no request '{body.request_id}' in this project.", param="request_id")
        score = Score(
            id=f"fb_{content_hash(['feedback', trace, body.user or ''])}", trace_id=trace, name="feedback",
            kind="boolean", value=float(body.thumb == "up"), comment=body.comment, source="feedback",
            author=body.user or caller.name or None,
        )  # fmt: skip
        await turn.run(partial(scores.put, project, [score]))
        return {"id": score.id, "trace_id": trace}

    return router


def _score(given: _Given, author: str) -> Score:
    if given.trace_id is None and given.session_id is None:
        raise InvalidRequest("Name what is judged: `trace_id` or `session_id`.", param="trace_id")
    value, label = given.value, given.label
    kind = given.kind or ("boolean" if isinstance(value, bool) else "numeric")
    if isinstance(value, str):
        label, kind, value = value[:500], "categorical", None
    if isinstance(value, int | float) and abs(value) > LARGEST:
        raise InvalidRequest("The `value` of a score must lie between -2**53 and 2**53.", param="value")
    if value is None and label is None:
        raise InvalidRequest("A score needs a `value`.", param="value")
    return Score(
        id=given.id or new_id(), trace_id=given.trace_id, span_id=given.span_id, session_id=given.session_id,
        name=given.name, kind=kind, value=None if value is None else float(value), label=label,
        comment=given.comment, source=given.source, author=author or None, metadata=given.metadata, at_us=given.at_us,
    )  # fmt: skip
