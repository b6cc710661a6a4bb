"""What a key may reach: models, endpoints, networks, actions and projects; and where a request really comes from.

Plain functions over a Principal. Knows nothing of how keys are stored, nor of HTTP beyond a header's text.
"""

import ipaddress
from collections.abc import Sequence

from pilothouse.errors import Forbidden
from pilothouse.principal import Action, Principal
from pilothouse.types import Json

__all__ = [
    "Network", "allows", "allows_model", "check", "check_model", "check_named", "client_ip", "demand", "models_in",
    "project_for",
]  # fmt: skip

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAMING = ("model", "models")
_NEEDS: dict[Action, str] = {
    "call": "a key that may call models (role admin, editor or caller)",
    "read": "a key that may look at the platform (role admin, editor or viewer)",
    "write": "a key that may change the platform (role admin or editor)",
    "administer": "an administrator's key (role admin)",
    "attend": "a key that may see review queues (role admin, editor, viewer or annotator)",
    "review": "a key that may review (role admin, editor or annotator)",
    "resolve": "a key that may call models or look at the platform (any role but annotator)",
}


def check(principal: Principal, *, endpoint: str, model: str | None = None, client_ip: str) -> None:
    """Raises Forbidden, naming what is allowed, where the key's policy does not allow this.

    `model` is the name as the caller wrote it, so that a key for the alias `fast` reaches no `openai/gpt-4o` behind it;
    None before the body was read. 0.2 us for a key without a policy, 6 us for one with all three.
    """
    policy = principal.policy
    if policy.endpoints and not allows(policy.endpoints, endpoint):
        raise Forbidden(f"This key may not call {endpoint}. It may call: {', '.join(policy.endpoints)}.")
    if policy.networks and not _inside(policy.networks, client_ip):
        names = ", ".join(map(str, policy.networks))
        raise Forbidden(f"This key may not be used from {client_ip or 'here'}. It may from: {names}.")
    if model is not None:
        check_model(principal, model)


def check_model(principal: Principal, model: str, body: Json | None = None) -> None:
    """Raises Forbidden, naming what is allowed, where the key may not use this model, or another that the request's
    `body` names."""
    if principal.policy.models:
        _check_each(principal, [("model", model), *(models_in(body) if body is not None else ())])


def check_named(principal: Principal, body: Json) -> None:
    """The same of the models that a body names, which may be none."""
    if principal.policy.models:
        _check_each(principal, models_in(body))


def _check_each(principal: Principal, named: Sequence[tuple[str, str]]) -> None:
    models = principal.policy.models
    for param, name in named:
        if not allows(models, name):
            raise Forbidden(f"This key may not use '{name}'. It may use: {', '.join(models)}.", param=param)


def models_in(body: Json) -> list[tuple[str, str]]:
    """(field, name) of each model that a body names at its top: in `model`, in `models`, to which some vendors
    (OpenRouter) go on by themselves, and in either under capital letters, which servers in Go take for the same."""
    found = [("model", body.get("model"))]
    found += [(field, given) for field, given in body.items() if field != "model" and field.lower() in _NAMING]
    each = ((field, name) for field, given in found for name in (given if isinstance(given, list) else (given,)))
    return [(field, name) for field, name in each if isinstance(name, str)]


def allows(names: Sequence[str], name: str) -> bool:
    """Whether one of `names` is this name, or ends in `*` and begins it."""
    return any(name == one or (one[-1:] == "*" and name.startswith(one[:-1])) for one in names)


def allows_model(principal: Principal, model: str) -> bool:
    """Whether this key may use this model: for lists of models."""
    return not principal.policy.models or allows(principal.policy.models, model)


def demand(principal: Principal, action: Action) -> None:
    """Raises Forbidden, naming the role that is needed."""
    if not principal.may(action):
        raise Forbidden(f"This needs {_NEEDS[action]}; this one has the role '{principal.role}'.")


def project_for(principal: Principal, asked: str | None) -> str:
    """The project that a request is about: the one it names, else the key's own.

    Raises Forbidden where a key of one project names another; only the installation's administrator may.
    """
    if asked is None or asked == principal.project_id:
        return principal.project_id
    if not principal.everywhere:
        raise Forbidden(f"This key belongs to project '{principal.project_id}' and cannot reach '{asked}'.")
    return asked


def client_ip(peer: str, forwarded_for: str | None, trusted: Sequence[Network]) -> str:
    """The client's address: the peer's, or what trusted proxies in between say in X-Forwarded-For.

    The header is read from its end, over addresses of trusted proxies, to the first that is none: whatever stands
    before that came from the client, who may write anything.
    """
    found = peer
    if not trusted or not forwarded_for:
        return found
    hops = [hop.strip() for hop in forwarded_for.split(",")]
    while hops and _inside(trusted, found):
        address = _address(hops.pop())
        if address is None:
            break
        found = str(address)
    return found


def _inside(networks: Sequence[Network], address: str) -> bool:
    parsed = _address(address)
    return parsed is not None and any(parsed in network for network in networks)


def _address(text: str) -> _Address | None:
    """An address, also with a port or in brackets; IPv4 inside IPv6 as IPv4."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
