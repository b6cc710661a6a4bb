"""`/api/sessions`: the conversations that traces are made of, summed up."""

from dataclasses import asdict
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query

from pilothouse.api.caller import InProject
from pilothouse.errors import NotFound
from pilothouse.observe import Traces
from pilothouse.types import Json

__all__ = ["routes"]


def routes(traces: Traces) -> APIRouter:
    """The routes over the sessions of these traces."""
    router = APIRouter(prefix="/api/sessions", tags=["traces"])

    @router.get("")
    def list_sessions(
        project: InProject,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        before: str | None = None,
        user: str | None = None,
        text: str | None = None,
    ) -> Json:
        """The newest first; those of a user, or with a text in their id. `scores` are the means over their traces. Hand
        `next` back as `before` for the page after."""
        page = traces.sessions.page(project, limit, before, user=user, text=text)
        return {"data": [asdict(row) for row in page.rows], "next": page.next}

    @router.get("/{session:path}")
    def get_session(session: str, project: InProject) -> Json:
        """One session. `judgements` are the scores of the session itself, the newest first, 200 at most."""
        found = traces.sessions.get(session, project)
        if found is None:
            raise NotFound(f"There is no session '{session[:80]}'.")
        judged = traces.scores.of_session(session, project)
        return {**asdict(found), "judgements": [msgspec.to_builtins(score) for score in judged]}

    return router
