"""`/api/route`: which model a request would go to, and why. No model is called.

The judgement is the one that a call would get: rules and conditions first, then for an alias of the strategy
`complexity` the difficulty head over the request's embedding.
"""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from pilothouse.access.policy import check_model
from pilothouse.access.shapes import Strict
from pilothouse.api.caller import Caller, InProject
from pilothouse.call import Call, Recorder
from pilothouse.gateway import Gateway
from pilothouse.gateway.routing.complexity import Complexity
from pilothouse.types import ChatRequest, Json

__all__ = ["routes"]


class _ToRoute(Strict):
    """`messages` are those of a chat, and so are `tools`, which count where conditions ask for them."""

    model: Annotated[str, Field(min_length=1, max_length=512, pattern=r"^[^\x00-\x1f\x7f]*$")] = "auto"
    messages: Annotated[list[Json], Field(min_length=1)]
    tools: list[Json] | None = None
    metadata: Annotated[dict[str, str], Field(default_factory=dict)]


class Choice(BaseModel):
    """`model` is the alias that would answer, `deployment` the first that would be asked. `probability` that the
    request is hard and the `threshold` it is held against are None where no complexity is asked for."""

    model: str
    deployment: str
    probability: float | None
    threshold: float | None
    reason: str


def routes(gateway: Gateway, complexity: Complexity, recorder: Recorder) -> APIRouter:
    """The route over the configuration that serves."""
    router = APIRouter(prefix="/api/route", tags=["router"])

    @router.post("")
    async def choose(body: _ToRoute, caller: Caller, project: InProject) -> Choice:
        """Decide, as for a call with this body."""
        check_model(caller, body.model)
        call = Call(recorder, caller, project, key_id=caller.key_id, endpoint="/api/route", metadata=body.metadata)
        asked = body.model_dump(include={"model", "messages"})
        request = ChatRequest.check(asked if body.tools is None else {**asked, "tools": body.tools})
        current = gateway.router
        model = current.undecided(request, call)
        async with gateway.counted(call):
            opinion = None if model is None else await complexity.opinion(request, call, model)
        plan = current.plan(request, call, choice="complex" if opinion is None else opinion.choice)
        told = plan.reason if opinion is None else f"{opinion.reason}: {plan.reason}"
        return Choice(
            model=plan.alias,
            deployment=plan.candidates[0].id,
            probability=None if opinion is None else opinion.probability,
            threshold=None if opinion is None else opinion.threshold,
            reason=told,
        )

    return router
