"""Personal data reach none of the providers that a policy names."""

from typing import Any

import pytest

from pilothouse.call import Call
from pilothouse.config import Config
from pilothouse.errors import Blocked, ConfigError, ProviderUnavailable
from pilothouse.gateway import Gateway
from pilothouse.gateway.guarding.keeping import KEPT_FROM
from pilothouse.snapshot import config_of
from pilothouse.types import ChatRequest, EmbedRequest

from ..conftest import gateway_of
from ..scripted import Recording, Scripted, whole
from .test_watch import answered, ask, text_of

VENDOR = {"provider": "vendor", "model": "x"}
OWN = {"provider": "own", "model": "x"}
PERSONAL = "write to ada@example.com"


def gateway_with(models: dict[str, Any], **policy: Any) -> tuple[Gateway, Scripted, Scripted]:
    vendor, own = Scripted(whole("of the vendor")), Scripted(whole("of our own"))
    vendor.name, own.name = "vendor", "own"
    config = Config.model_validate({
        "providers": {"vendor": {"kind": "openai"}, "own": {"kind": "openai"}},
        "models": {name: {"guards": ["p"], "resilience": {"retries": 0}, **model} for name, model in models.items()},
        "guards": {"policies": {"p": {"no_pii_to": ["vendor"], **policy}}},
    })  # fmt: skip
    return gateway_of(config, {"vendor": vendor, "own": own}), vendor, own


async def test_what_holds_some_goes_to_another_deployment(recording: Recording) -> None:
    gateway, vendor, own = gateway_with({"m": {"deployments": [{**VENDOR, "weight": 1e9}, OWN]}})
    assert text_of(await answered(gateway, ask("hello"), Call(recording))) == "of the vendor"
    assert text_of(await answered(gateway, ask(PERSONAL), Call(recording))) == "of our own"
    assert (len(vendor.requests), len(own.requests)) == (1, 1)
    assert recording.spans[-1].attributes[KEPT_FROM] == ["vendor"]
    assert "no personal data" in str(recording.spans[-1].attributes["routing"])


async def test_what_a_guard_replaced_may_go_anywhere(recording: Recording) -> None:
    models = {"m": {"deployments": [VENDOR]}}
    gateway, vendor, _ = gateway_with(models, input=[{"use": "pii", "style": "pseudonym"}])
    assert text_of(await answered(gateway, ask(PERSONAL), Call(recording))) == "of the vendor"
    assert "ada" not in repr(vendor.requests[0].body)


async def test_where_nobody_else_is_there_the_error_says_what_and_why(recording: Recording) -> None:
    gateway, vendor, _ = gateway_with({"m": {"deployments": [VENDOR]}})
    with pytest.raises(
        Blocked, match=r"holds email, which the policy 'p' keeps from vendor, and 'm' has no other"
    ) as caught:
        await answered(gateway, ask(PERSONAL), Call(recording))
    assert (caught.value.guard, caught.value.policy) == ("no_pii_to", "p")
    assert not vendor.requests


async def test_a_fallback_follows_and_leads_to_nobody_who_may_not_have_it(recording: Recording) -> None:
    models = {
        "m": {"deployments": [VENDOR], "fallbacks": {"any": ["n"]}},
        "n": {"deployments": [OWN], "fallbacks": {"any": ["m"]}},
    }
    gateway, vendor, own = gateway_with(models)
    assert text_of(await answered(gateway, ask(PERSONAL), Call(recording))) == "of our own"
    own.steps = (ProviderUnavailable("down"),)
    with pytest.raises(ProviderUnavailable):
        await answered(gateway, ask(PERSONAL), Call(recording))
    assert not vendor.requests


IMAGE = [{"type": "image_url", "image_url": {"url": "https://a.example/b"}}]


@pytest.mark.parametrize(
    "request_",
    [
        ChatRequest.check({"model": "m", "messages": [{"role": "user", "content": IMAGE}]}),
        ChatRequest.check({"model": "m", "messages": [{"role": "user", "content": "hi"}], "user": "ada@example.com"}),
        ask(PERSONAL, operation="messages"),
        ask(PERSONAL, operation="responses"),
    ],
    ids=["image", "user", "messages", "responses"],
)
async def test_what_nobody_can_read_and_every_field_counts(request_: ChatRequest, recording: Recording) -> None:
    gateway, vendor, _ = gateway_with({"m": {"deployments": [VENDOR]}})
    with pytest.raises(Blocked):
        await answered(gateway, request_, Call(recording))
    assert not vendor.requests


async def test_embeddings_too_and_calls_that_no_guard_looks_at(recording: Recording) -> None:
    gateway, vendor, _ = gateway_with({"m": {"deployments": [VENDOR]}})
    with pytest.raises(Blocked):
        await gateway.embed(EmbedRequest({"model": "m", "input": [PERSONAL]}), Call(recording))
    with pytest.raises(Blocked):
        await answered(gateway, ask(PERSONAL), Call(recording, guarded=False, depth=1))
    assert not vendor.requests


def test_a_provider_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match=r"guards\.policies\.p\.no_pii_to\.0.*no provider 'openia'.*openai"):
        config_of({"providers": {"openai": {"kind": "openai"}}, "guards": {"policies": {"p": {"no_pii_to": "openia"}}}})
