"""`DELETE /api/traces`: what is kept of a user, or one trace, for good. For administrators."""

from typing import Annotated

from fastapi import APIRouter, Query

from pilothouse.api.caller import By, InProject
from pilothouse.lifecycle.deletions import Deletions
from pilothouse.observe.privacy.erasing import Erased

__all__ = ["routes"]


def routes(deletions: Deletions) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api/traces", tags=["traces"])

    @router.delete("")
    def delete_user(
        project: InProject, by: By, user: Annotated[str, Query(min_length=1, description="The user's id.")]
    ) -> Erased:
        """Delete every trace in which a user took part, with inputs, outputs and scores, and what waits of them.

        Sums by hour and day stay, but for the user's own; so does the ledger.
        """
        return deletions.user(by, project, user)

    @router.delete("/{trace}")
    def delete_trace(trace: str, project: InProject, by: By) -> Erased:
        """Delete a trace with inputs, outputs and scores. `trace` is its whole id."""
        return deletions.trace(by, project, trace)

    return router
