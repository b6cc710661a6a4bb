"""`/api/guards`: the guards there are, the policies that serve, and what they would say of a text."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from pilothouse.api.caller import Caller, InProject
from pilothouse.call import Call, Recorder
from pilothouse.gateway import Gateway
from pilothouse.gateway.guarding.trying import tried
from pilothouse.guarding import Stage
from pilothouse.guards.choosing import chosen
from pilothouse.guards.listing import kinds, policies
from pilothouse.guards.registry import Guards
from pilothouse.protocols import Conversation
from pilothouse.types import Json

__all__ = ["routes"]

_MOST_CHARS = 1_000_000
_Text = Annotated[str, Field(max_length=_MOST_CHARS)]


class _ToCheck(BaseModel):
    """A text, and by what: `policies` by their names, or `guards` as a policy lists them. `question`, `system` and
    `passages` are what guards compare an answer with."""

    model_config = ConfigDict(extra="forbid")

    text: _Text
    stage: Stage = "input"
    role: Annotated[str, Field(max_length=20)] | None = None
    policies: Annotated[list[str], Field(max_length=20)] = []
    guards: Annotated[list[Any], Field(max_length=50)] = []
    question: _Text = ""
    system: _Text = ""
    passages: Annotated[list[_Text], Field(max_length=200)] = []


def routes(gateway: Gateway, recorder: Recorder) -> APIRouter:
    """The routes over the configuration that serves."""
    router = APIRouter(prefix="/api/guards", tags=["guards"])
    known = Guards()

    @router.get("")
    def listed(_: InProject) -> Json:
        """The guards there are, with their options, and the policies of the configuration that serves. `hold_back` is
        how many characters of a streamed answer wait at most, null where nothing leaves before its end."""
        config = gateway.runtime.snapshot.config.guards
        return {
            "guards": kinds(known), "policies": policies(gateway.runtime.guards, config), "default": config.default,
            "pass_through": config.pass_through,
        }  # fmt: skip

    @router.post("/check")
    async def checked(body: _ToCheck, caller: Caller, project: InProject) -> Json:
        """What the guards say of a text: `action` is what would be done, null where all passed or nobody looked; `text`
        what would go on; `results` tell each guard's status (passed, triggered, skipped, failed) with its findings.
        A question that a guard asks a model is charged to the caller."""
        call = Call(recorder, caller, project, key_id=caller.key_id, endpoint="/api/guards/check")
        placed = chosen(gateway.runtime.guards, body.policies, body.guards, body.stage)
        about = Conversation(question=body.question, system=body.system, passages=body.passages)
        found = await tried(gateway, call, placed, body.text, body.stage, about, body.role or "")
        return {"stage": body.stage, **found.to_json()}

    return router
