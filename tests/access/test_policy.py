"""What a key may reach, and where a request comes from."""

import ipaddress

import pytest

from pilothouse.access.policy import allows, allows_model, check, check_model, client_ip, demand, project_for
from pilothouse.access.shapes import PolicyRules
from pilothouse.errors import Forbidden
from pilothouse.principal import ROLES, Action, Policy, Principal


def principal(**rules: list[str]) -> Principal:
    return Principal("default", "k", "caller", policy=PolicyRules.model_validate(rules).policy())


CHAT = {"endpoint": "/v1/chat/completions", "client_ip": "10.1.2.3"}


def test_an_open_key_may_do_all() -> None:
    check(principal(), model="anything/at-all", **CHAT)
    assert principal().policy == Policy()


@pytest.mark.parametrize("model", ["fast", "openai/gpt-4o", "openai/", "rag:docs"])
def test_models_that_are_allowed(model: str) -> None:
    key = principal(models=["fast", "openai/*", "rag:docs"])
    check(key, model=model, **CHAT)
    assert allows_model(key, model)


@pytest.mark.parametrize("model", ["openai/gpt-4o", "fast2", "Fast", " fast", "", "xfast", "rag:docs/../secret"])
def test_a_key_for_an_alias_reaches_nothing_else(model: str) -> None:
    key = principal(models=["fast"])
    with pytest.raises(Forbidden, match="It may use: fast") as caught:
        check(key, model=model, **CHAT)
    assert caught.value.param == "model"
    assert not allows_model(key, model)


def test_before_the_body_is_read_there_is_no_model() -> None:
    check(principal(models=["fast"]), **CHAT)


def test_endpoints() -> None:
    key = principal(endpoints=["/v1/embeddings", "/v1/chat/*"])
    check(key, **CHAT)
    check(key, endpoint="/v1/embeddings", client_ip="")
    for path in ("/v1/embeddings/", "/v1/completions", "/v1/chat", "/api/keys"):
        with pytest.raises(Forbidden, match=r"It may call: /v1/embeddings, /v1/chat/\*"):
            check(key, endpoint=path, client_ip="")


@pytest.mark.parametrize("address", ["10.1.2.3", "10.255.0.1", "::ffff:10.0.0.1", "2001:db8::5"])
def test_networks_that_are_allowed(address: str) -> None:
    check(principal(networks=["10.0.0.0/8", "2001:db8::/32"]), endpoint="/v1/models", client_ip=address)


def test_a_network_of_ipv4_inside_ipv6_is_one_of_ipv4() -> None:
    rules = PolicyRules(networks=["::ffff:127.0.0.0/104", "::ffff:0:0/96", "::ffff:10.0.0.1", "::/0", "::fffe:0:0/95"])
    assert rules.networks == ["127.0.0.0/8", "0.0.0.0/0", "10.0.0.1/32", "::/0", "::fffe:0:0/95"]
    key = principal(networks=["::ffff:127.0.0.0/104"])
    for address in ("127.0.0.1", "::ffff:127.3.2.1"):
        check(key, endpoint="/v1/models", client_ip=address)
    with pytest.raises(Forbidden, match=r"It may from: 127\.0\.0\.0/8"):
        check(key, endpoint="/v1/models", client_ip="10.0.0.1")


@pytest.mark.parametrize("address", ["11.0.0.1", "2001:db9::1", "::1", "", "unknown", "10.1.2.3.4", "10.0.0.0/8"])
def test_a_key_stays_in_its_networks(address: str) -> None:
    with pytest.raises(Forbidden, match=r"It may from: 10\.0\.0\.0/8"):
        check(principal(networks=["10.0.0.0/8"]), endpoint="/v1/models", client_ip=address)


@pytest.mark.parametrize(
    "rules",
    [
        {"models": ["open*ai"]}, {"models": ["*fast"]}, {"models": ["**"]}, {"models": [""]}, {"endpoints": ["v1/x"]},
        {"networks": ["10.0.0.1/8"]}, {"networks": ["host"]}, {"endpoints": ["/v1/*/x"]}, {"users": []},
    ],
)  # fmt: skip
def test_rules_that_are_none(rules: dict[str, list[str]]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        PolicyRules.model_validate(rules)


def test_a_wildcard_stands_for_any_ending() -> None:
    assert allows(("*",), "anything")
    assert allows(("a*",), "a")
    assert not allows(("a*",), "ba")
    assert not allows(("a",), "a*")


@pytest.mark.parametrize(
    ("role", "actions"),
    [
        ("admin", "call read write administer attend review"), ("editor", "call read write attend review"),
        ("viewer", "read attend"), ("annotator", "attend review"), ("caller", "call"),
    ],
)  # fmt: skip
def test_roles(role: str, actions: str) -> None:
    assert role in ROLES
    key = Principal("default", "k", role)  # type: ignore[arg-type]
    every: tuple[Action, ...] = ("call", "read", "write", "administer", "attend", "review")
    for action in every:
        if action in actions.split():
            demand(key, action)
        else:
            with pytest.raises(Forbidden, match=f"this one has the role '{role}'"):
                demand(key, action)


def test_projects() -> None:
    of_one = Principal("shop", "k", "admin")
    of_all = Principal("default", "master", "admin", everywhere=True)
    assert [project_for(of_one, asked) for asked in (None, "shop")] == ["shop", "shop"]
    assert [project_for(of_all, asked) for asked in (None, "shop")] == ["default", "shop"]
    with pytest.raises(Forbidden, match="belongs to project 'shop'"):
        project_for(of_one, "default")


PROXIES = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1/128"))


@pytest.mark.parametrize(
    ("peer", "header", "client"),
    [
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "203.0.113.5", "203.0.113.5"),
        ("10.0.0.1", "6.6.6.6, 203.0.113.5", "203.0.113.5"),
        ("10.0.0.1", "6.6.6.6, 203.0.113.5, 10.0.0.2", "203.0.113.5"),
        ("10.0.0.1", "10.0.0.9, 10.0.0.2", "10.0.0.9"),
        ("::1", "[2001:db8::5]:4711", "2001:db8::5"),
        ("::ffff:10.0.0.1", "203.0.113.5:80", "203.0.113.5"),
        ("10.0.0.1", "203.0.113.5, nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("203.0.113.9", "10.0.0.5", "203.0.113.9"),
        ("", "10.0.0.5", ""),
    ],
)
def test_where_a_request_comes_from(peer: str, header: str | None, client: str) -> None:
    assert client_ip(peer, header, PROXIES) == client


def test_without_trusted_proxies_the_header_is_not_believed() -> None:
    assert client_ip("203.0.113.9", "10.0.0.5", ()) == "203.0.113.9"


def test_models_that_a_vendor_may_go_on_to_are_named_by_the_caller_too() -> None:
    key = principal(models=["fast", "openai/*"])
    for others in (None, [], ["fast", "openai/gpt-4o"], [3, None], {"dear": 1}):
        check_model(key, "fast", {"model": "fast", "models": others})
    with pytest.raises(Forbidden, match="'dear'") as caught:
        check_model(key, "fast", {"models": ["fast", "dear"]})
    assert caught.value.param == "models"
    check_model(principal(), "fast", {"models": ["dear"]})


def test_no_spelling_of_model_reaches_another_at_servers_that_ignore_case() -> None:
    key = principal(models=["fast"])
    with pytest.raises(Forbidden, match="'dear'") as caught:
        check_model(key, "fast", {"model": "fast", "Model": "dear"})
    assert caught.value.param == "Model"
