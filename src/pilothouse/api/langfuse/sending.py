"""`/api/public`: what the Langfuse SDK sends beside OTLP, so that it works here as it is, and who it is to the server.

Projects and health, scores, and the batches of its older versions. https://api.reference.langfuse.com
"""

import asyncio
from functools import partial
from typing import Any, NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from pilothouse import __version__
from pilothouse.access import Tenants
from pilothouse.api.caller import Caller
from pilothouse.api.observe.one_by_one import OneByOne
from pilothouse.api.observe.spans import SpanRooms
from pilothouse.call import Span
from pilothouse.errors import InvalidRequest
from pilothouse.ids import now_us
from pilothouse.observe.arrival.revisions import Part, Place, Revisions
from pilothouse.observe.dialects.langfuse_events import parts_of
from pilothouse.observe.dialects.langfuse_scores import score_of
from pilothouse.observe.dialects.lenient import read_json
from pilothouse.observe.dialects.values import when_us
from pilothouse.observe.scores import LATEST_US, Score, Scores
from pilothouse.principal import Principal
from pilothouse.types import Json

__all__ = ["LangfuseRooms", "routes"]

_MOST = 10_000


class LangfuseRooms(NamedTuple):
    """What the routes work with."""

    spans: SpanRooms
    scores: Scores
    revisions: Revisions
    tenants: Tenants
    turn: OneByOne


def routes(rooms: LangfuseRooms) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api/public", tags=["langfuse"])

    @router.get("/health")
    def health() -> Json:
        """That there is someone."""
        return {"status": "OK", "version": __version__}

    @router.get("/projects")
    def list_projects(caller: Caller) -> Json:
        """The project of the key: by this clients find out whether their credentials are right."""
        project, organisation = rooms.tenants.get("project", caller.project_id), {"id": caller.org_id}
        organisation["name"] = rooms.tenants.get("organisation", caller.org_id).name or caller.org_id
        named = {"id": project.id, "name": project.name or project.id}
        return {"data": [{**named, "organization": organisation, "metadata": {}}]}

    @router.post("/scores")
    async def put_scores(request: Request, caller: Caller) -> JSONResponse:
        """One score, or a list of them, of which the good ones are kept."""
        given = await _read(rooms, request)
        if not isinstance(given, list):
            score = score_of(given, caller.name or None)
            await rooms.turn.run(partial(rooms.scores.put, caller.project_id, [score]))
            return JSONResponse({"id": score.id})
        if len(given) > _MOST:
            raise InvalidRequest(f"{len(given)} scores at once are too many; send at most {_MOST}.")
        scores, errors = list[Score](), list[Json]()
        for number, one in enumerate(given):
            try:
                scores.append(score_of(one, caller.name or None))
            except InvalidRequest as error:
                errors.append({"message": f"score {number}: {error.message}"})
        await rooms.turn.run(partial(rooms.scores.put, caller.project_id, scores))
        if errors:
            return JSONResponse({"accepted": len(scores), "rejected": len(errors), "errors": errors}, 207)
        return JSONResponse({"message": "Accepted"}, 202)

    @router.post("/ingestion")
    async def ingest(request: Request, caller: Caller) -> JSONResponse:
        """A batch of events, each answered on its own once what it tells is in the database."""
        given = await _read(rooms, request)
        events = given.get("batch") if isinstance(given, dict) else None
        if not isinstance(events, list) or len(events) > _MOST:
            raise InvalidRequest(f"`batch` must be a list of at most {_MOST} events.", param="batch")
        return JSONResponse(await rooms.turn.run(partial(_keep, rooms, events, caller)), 207)

    return router


def _keep(rooms: LangfuseRooms, events: list[Any], sender: Principal) -> Json:
    """Raises StorageError where the database takes nothing now."""
    parts: dict[int, list[Part]] = {}
    scores: dict[int, Score] = {}
    errors: dict[int, str] = {}
    for number, event in enumerate(events):
        try:
            if not isinstance(event, dict):
                raise InvalidRequest("An event must be an object.")
            if event.get("type") == "score-create":
                at = when_us(event.get("timestamp")) or 0
                at = at if 0 < at < LATEST_US else now_us()
                scores[number] = score_of(event.get("body"), sender.name or None, at)
            else:
                parts[number] = parts_of(event)
        except InvalidRequest as error:
            errors[number] = error.message

    def admit(span: Span) -> None:
        rooms.spans.reception.admit(span, sender)

    refused = rooms.revisions.put(sender.project_id, [part for some in parts.values() for part in some], admit)
    for number, some in parts.items():
        if (why := _first(some, refused)) is not None:
            errors[number] = why
    rooms.scores.put(sender.project_id, list(scores.values()))
    return _answer(events, errors)


def _first(parts: list[Part], refused: dict[Place, str]) -> str | None:
    return next((refused[part.place] for part in parts if not part.only_known and part.place in refused), None)


def _answer(events: list[Any], errors: dict[int, str]) -> Json:
    ids = [str(event.get("id")) if isinstance(event, dict) else "" for event in events]
    return {
        "successes": [{"id": one, "status": 201} for number, one in enumerate(ids) if number not in errors],
        "errors": [
            {"id": ids[number], "status": 400, "message": "Invalid request data", "error": errors[number]}
            for number in sorted(errors)
        ],
    }


async def _read(rooms: LangfuseRooms, request: Request) -> Any:
    async with rooms.spans.inbound.body(request) as body:
        return await asyncio.to_thread(read_json, body)
