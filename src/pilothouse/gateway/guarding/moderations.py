"""`/v1/moderations` with the model `guard:POLICY`: what the input guards of a policy say, in OpenAI's shape.

Its categories are the guards, and the kinds of what they found, such as `pii/email`. Source: platform.openai.com/docs/
api-reference/moderations.
"""

from collections.abc import Sequence
from typing import Any

from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.guards.checking import Checked, check
from pilothouse.guards.policy import Policies, Policy
from pilothouse.ids import new_id
from pilothouse.protocols import Conversation, Models
from pilothouse.single import ModerationRequest
from pilothouse.types import Json

__all__ = ["GUARD_MODEL", "moderated", "policy_named"]

GUARD_MODEL = "guard:"
"""How a model's name begins that stands for a guard policy."""


def policy_named(model: str, policies: Policies) -> Policy:
    """The policy that a model's name stands for. Raises NotFound, naming those there are."""
    name = model.removeprefix(GUARD_MODEL)
    if name not in policies.names():
        there = ", ".join(GUARD_MODEL + one for one in policies.names()) or "none"
        raise NotFound(f"There is no guard policy '{name}'. There are: {there}.", param="model")
    return policies.alone(name)


async def moderated(request: ModerationRequest, policy: Policy, models: Models) -> Json:
    """The answer: one result for each text, or one for parts that belong together. Raises InvalidRequest for an image,
    which no guard looks at."""
    results = [_result(await _checked(text, policy, models)) for text in _texts(request.body["input"])]
    return {"id": f"modr-{new_id()}", "model": request.model, "results": results}


async def _checked(text: str, policy: Policy, models: Models) -> Checked:
    return await check(policy.at("input"), text, "input", Conversation(question=text, models=models))


def _texts(given: Any) -> Sequence[str]:
    if isinstance(given, str):
        return [given]
    if isinstance(given[0], str):
        return given  # type: ignore[no-any-return]
    for at, part in enumerate(given):
        if part["type"] != "text":
            raise InvalidRequest("Guards look at texts alone; no guard looks at images.", param=f"input[{at}].type")
    return ["\n".join(part["text"] for part in given)]


def _result(found: Checked) -> Json:
    """A guard that could not look makes no category: it is named in `unscanned`."""
    flags, scores, unscanned = dict[str, bool](), dict[str, float](), list[str]()
    for one in found.judged:
        result = one.result
        if result.status in ("skipped", "failed"):
            unscanned.append(result.guard)
            continue
        triggered = result.status == "triggered"
        flags[result.guard] = triggered
        scores[result.guard] = float(triggered) if result.score is None else result.score
        for at in result.findings:
            name = f"{result.guard}/{at.kind}"
            flags[name], scores[name] = True, max(scores.get(name, 0.0), at.score)
    kinds = {name: ["text"] if flag else [] for name, flag in flags.items()}
    told: Json = {"flagged": any(flags.values()), "categories": flags, "category_scores": scores,
                  "category_applied_input_types": kinds}  # fmt: skip
    return told | ({"unscanned": unscanned} if unscanned else {})
