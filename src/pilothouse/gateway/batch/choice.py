"""Where a batch is to run: at a vendor's own batch API, or here. Decides nothing else, and asks nobody."""

from collections.abc import Iterable
from dataclasses import dataclass

from pilothouse.call import Call
from pilothouse.config import BatchLane
from pilothouse.errors import PilothouseError
from pilothouse.gateway.batch.bill import AtVendor
from pilothouse.gateway.batch.lines import Checked, Item, request_of
from pilothouse.gateway.guarding.watch import policy_of
from pilothouse.gateway.pipeline import Gateway
from pilothouse.gateway.routing.plan import Plan
from pilothouse.providers.batch_api import OffersBatches
from pilothouse.types import PROMPT_MODEL, Json, ModelRequest

__all__ = ["Choice", "choose"]

_HERE = "own"


@dataclass(frozen=True, slots=True)
class Choice:
    """`lane` is own, or vendor with what is known of it there. `errors`: it can run at neither."""

    lane: str = _HERE
    vendor: AtVendor | None = None
    errors: tuple[Json, ...] = ()


def choose(gateway: Gateway, endpoint: str, checked: Checked, items: Iterable[Item], call: Call) -> Choice:
    """Decide by the aliases' `batch`. `items` are those of the file, of which the first good one is routed.

    A vendor's batch has one model, and no prompts, which are resolved here. With `auto` a batch runs here also where
    its requests may be routed one by one, or where end users have budgets or guards hold, which are kept per call.
    """
    config = gateway.runtime.snapshot.config
    modes: dict[str, BatchLane] = {
        name: config.models[name].batch if name in config.models else "own" if name.startswith(PROMPT_MODEL) else "auto"
        for name in checked.models
    }
    wanted = next((name for name, mode in modes.items() if mode == "vendor"), None)
    if len(modes) > 1 or "own" in modes.values():
        if wanted is None:
            return Choice()
        other = next(name for name in modes if name != wanted)
        message = f"A batch for '{wanted}' runs at its provider and has one model; this request names '{other}'."
        return _refused("model_mismatch", message, checked.models[other], "body.model")
    request = _first(endpoint, items)
    if request is None:
        return Choice()  # none can be asked: each gets its own error
    try:
        found = _offered(gateway, gateway.router.plan(request, call), request, auto=wanted is None)
        guards = policy_of(gateway.runtime, call, request.model)
    except PilothouseError as error:
        return Choice() if wanted is None else _refused(error.code, error.message)
    why = f"no deployment of it offers one for {endpoint}"
    if config.users.budgets or not guards.is_empty:
        found = None
        why = "end users have budgets" if config.users.budgets else f"the guards of {guards.version} would not see them"
    if found is not None or wanted is None:
        return Choice() if found is None else Choice("vendor", found)
    return _refused("unsupported", f"Batches for '{wanted}' are to run at a vendor's batch API, but {why}.")


def _offered(gateway: Gateway, plan: Plan, request: ModelRequest, *, auto: bool) -> AtVendor | None:
    """The first deployment with a batch API that takes this kind of request."""
    asked = gateway.runtime.snapshot.config.models.get(request.model)
    if auto and asked is not None and (asked.rules or asked.strategy == "complexity"):
        return None
    for deployment in plan.candidates:
        if auto and deployment.when is not None:
            return None
        api = deployment.provider.batches if isinstance(deployment.provider, OffersBatches) else None
        if api is not None and request.operation in api.operations:
            return AtVendor(
                deployment.provider.name, deployment.kind, deployment.price_kind, deployment.id, deployment.model,
                plan.alias, request.operation, auto,
            )  # fmt: skip
    return None


def _first(endpoint: str, items: Iterable[Item]) -> ModelRequest | None:
    for item in items:
        try:
            return request_of(endpoint, item.body)
        except PilothouseError:
            continue
    return None


def _refused(code: str, message: str, line: int | None = None, param: str | None = None) -> Choice:
    return Choice(errors=({"code": code, "message": message, "line": line, "param": param},))
