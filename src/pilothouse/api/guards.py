"""`/api/guards`: the guards there are, the policies that serve, and what they would say of a text."""

from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pilothouse.api.caller import Caller, InProject
from pilothouse.call import Call, Recorder
from pilothouse.errors import ConfigError, InvalidRequest
from pilothouse.gateway import Gateway
from pilothouse.gateway.guarding.trying import tried
from pilothouse.guarding import STAGES, GuardPolicy, GuardsConfig, Stage
from pilothouse.guards.policy import Placed, Policies, Policy
from pilothouse.guards.registry import Guards
from pilothouse.guards.streaming import hold_back
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
        served = gateway.runtime.guards
        return {
            "guards": [_kind(name, known) for name in known.names()],
            "policies": [
                {
                    "name": name, "version": served.alone(name).version,
                    "hold_back": hold_back(served.alone(name).at("output")), **rules.model_dump(mode="json"),
                }
                for name, rules in config.policies.items()
            ],
            "default": config.default, "pass_through": config.pass_through,
        }  # fmt: skip

    @router.post("/check")
    async def checked(body: _ToCheck, caller: Caller, project: InProject) -> Json:
        """What the guards say of a text: `action` is what would be done, null where all passed or nobody looked; `text`
        what would go on; `results` tell each guard's status (passed, triggered, skipped, failed) with its findings.
        A question that a guard asks a model is charged to the caller."""
        call = Call(recorder, caller, project, key_id=caller.key_id, endpoint="/api/guards/check")
        placed = _placed(body, gateway.runtime.guards)
        about = Conversation(question=body.question, system=body.system, passages=body.passages)
        found = await tried(gateway, call, placed, body.text, body.stage, about, body.role or "")
        return {"stage": body.stage, **found.to_json()}

    return router


def _placed(body: _ToCheck, policies: Policies) -> Sequence[Placed]:
    """Those of the policies that are named, then those that are listed."""
    try:
        named: Policy = policies.named(body.policies) if body.policies or body.guards else policies.of()
    except ConfigError as error:
        raise InvalidRequest(error.message, param="policies") from None
    if not body.guards:
        if named.is_empty:
            raise InvalidRequest("Say by what to check: 'policies' by name, or 'guards'.", param="policies")
        return named.at(body.stage)
    own = {stage: body.guards if stage == body.stage else [] for stage in STAGES}
    try:
        made = Policies(GuardsConfig(policies={"request": GuardPolicy.model_validate(own)}))
    except ValidationError as error:
        told = error.errors()[0]
        raise InvalidRequest(f"guards: {told['msg']}", param="guards") from None
    except ConfigError as error:
        where = (error.param or "").replace(f"guards.policies.request.{body.stage}", "guards")
        raise InvalidRequest(error.message.replace(error.param or "", where), param=where) from None
    listed = made.of(["request"]).at(body.stage)
    for number, one in enumerate(listed):
        if getattr(one.guard, "configured", False):
            where = f"guards.{number}"
            wrong = f"{where}: '{one.guard.name}' asks a service with a key: put it into a policy, and name that."
            raise InvalidRequest(wrong, param=where)
    return (*named.at(body.stage), *listed)


def _kind(name: str, known: Guards) -> Json:
    kind: Any = known.kind(name)
    options = [
        {"name": field.name, "type": str(field.type), "required": field.default is field.default_factory is MISSING}
        for field in fields(kind)
        if field.init
    ]
    return {
        "name": name, "about": (kind.__doc__ or "").strip().split("\n\n")[0].replace("\n", " "),
        "stages": [stage for stage in STAGES if stage in kind.stages], "action": kind.action, "reads": kind.reads,
        "options": options,
    }  # fmt: skip
