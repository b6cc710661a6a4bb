"""By what a text is to be checked that somebody brings: policies by their names, guards as a policy lists them."""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from pilothouse.errors import ConfigError, InvalidRequest
from pilothouse.guarding import STAGES, GuardPolicy, GuardsConfig, Stage
from pilothouse.guards.policy import Placed, Policies
from pilothouse.types import Json

__all__ = ["chosen"]


def chosen(policies: Policies, names: Sequence[str], guards: Sequence[str | Json], stage: Stage) -> Sequence[Placed]:
    """Those of the policies that are named, then those that are listed; where there are neither, of the default. Raises
    InvalidRequest whose `param` is `policies`, `guards` or the place in one, such as `guards.0.words`."""
    try:
        named = policies.named(names) if names or guards else policies.of()
    except ConfigError as error:
        raise InvalidRequest(error.message, param="policies") from None
    if not guards:
        if named.is_empty:
            raise InvalidRequest("Say by what to check: 'policies' by name, or 'guards'.", param="policies")
        return named.at(stage)
    return (*named.at(stage), *_listed(guards, stage))


def _listed(guards: Sequence[Any], stage: Stage) -> Sequence[Placed]:
    own = {one: guards if one == stage else [] for one in STAGES}
    try:
        made = Policies(GuardsConfig(policies={"request": GuardPolicy.model_validate(own)}))
    except ValidationError as error:
        told = error.errors()[0]
        raise InvalidRequest(f"guards: {told['msg']}", param="guards") from None
    except ConfigError as error:
        where = (error.param or "").replace(f"guards.policies.request.{stage}", "guards")
        raise InvalidRequest(error.message.replace(error.param or "", where), param=where) from None
    listed = made.alone("request").at(stage)
    for number, one in enumerate(listed):
        if getattr(one.guard, "configured", False):
            where = f"guards.{number}"
            wrong = f"{where}: '{one.guard.name}' asks a service with a key: put it into a policy, and name that."
            raise InvalidRequest(wrong, param=where)
    return listed
