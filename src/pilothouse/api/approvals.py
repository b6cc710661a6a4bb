"""`/api/approvals`: calls of tools that wait for a person. Times are UTC microseconds."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from pilothouse.access.shapes import Strict
from pilothouse.agents.approvals import Approvals
from pilothouse.agents.approving import Asked
from pilothouse.api.caller import By, Caller, InProject
from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.types import Json, decode_body

__all__ = ["routes"]

_Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00]*$")]
_Sentences = Annotated[list[Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")]], Field(max_length=100)]


class _Waiting(Strict):
    """A call that is to wait, for so many seconds. `arguments` is the JSON text of its arguments."""

    agent: _Name
    tool: _Name
    severity: Annotated[str, Field(pattern="^(read|write|destructive)$")]
    arguments: Annotated[str, Field(max_length=400_000)]
    why: _Sentences = Field(default_factory=list)
    origins: _Sentences = Field(default_factory=list)
    trace_id: Annotated[str, Field(max_length=64, pattern=r"^[^\x00]*$")] = ""
    task: Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")] = ""
    seconds: float = 300.0


class _Word(Strict):
    """A decision, and why."""

    approved: bool
    reason: Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")] = ""


def routes(approvals: Approvals) -> APIRouter:
    """The routes over these approvals."""
    router = APIRouter(prefix="/api/approvals", tags=["approvals"])

    @router.get("")
    def list_approvals(
        project: InProject,
        pending: bool = False,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        before: Annotated[str | None, Query(description="The last id of the page already seen.")] = None,
    ) -> list[Json]:
        """The newest first; with `pending` those that still wait."""
        return [one.to_json() for one in approvals.list(project, pending=pending, limit=limit, before=before)]

    @router.post("", status_code=201)
    def ask(body: _Waiting, caller: Caller, project: InProject) -> Json:
        """Have a call wait for a person's word. Nothing is run here: whoever asks goes on once it is approved."""
        given = body.model_dump(exclude={"seconds"})
        try:
            decode_body(body.arguments.encode())
        except InvalidRequest:
            raise InvalidRequest("arguments: must be the JSON text of an object.", param="arguments") from None
        asked = Asked(**{**given, "why": tuple(body.why), "origins": tuple(body.origins)})
        return approvals.ask(project, asked, body.seconds, caller).to_json()

    @router.get("/{approval_id}")
    def get_approval(approval_id: str, caller: Caller, project: InProject) -> Json:
        """One of them. A key that may only call sees what it asked itself."""
        found = approvals.get(project, approval_id)
        if not caller.may("read") and found.asker != caller.key_id:
            raise NotFound(f"There is no approval '{approval_id[:64]}' in the project '{project}'.")
        return found.to_json()

    @router.post("/{approval_id}")
    def decide(approval_id: str, body: _Word, caller: Caller, by: By, project: InProject) -> Json:
        """Approve or deny it, once. For editors, and never for the key that asked."""
        return approvals.decide(
            project, approval_id, caller, by, approved=body.approved, reason=body.reason
        ).to_json()  # fmt: skip

    return router
