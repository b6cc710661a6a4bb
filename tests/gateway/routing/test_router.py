import random
from collections import Counter

import pytest

from pilothouse.call import Call
from pilothouse.config import Config, ModelConfig
from pilothouse.errors import (
    ContentFiltered,
    ContextTooLong,
    InvalidRequest,
    ModelFilesError,
    PilothouseError,
    ProviderAuth,
    ProviderProtocolError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    UnknownModel,
)
from pilothouse.gateway import Router
from pilothouse.gateway.routing.plan import Plan
from pilothouse.gateway.routing.router import Choice
from pilothouse.snapshot import Snapshot
from pilothouse.types import ChatRequest, EmbedRequest

from ..scripted import Recording, Scripted

CONFIG = Config.model_validate(
    {
        "providers": {"a": {"kind": "openai"}, "b": {"kind": "anthropic"}},
        "models": {
            "fast": {"deployments": [{"provider": "a", "model": "small"}], "fallbacks": ["smart"]},
            "smart": {
                "deployments": [{"provider": "a", "model": "big", "weight": 3}, {"provider": "b", "model": "other"}],
                "fallbacks": ["fast"],
            },
            "one": {"deployments": [{"provider": "b", "model": "other"}]},
            "idle": {
                "deployments": [{"provider": "a", "model": "x", "weight": 0}, {"provider": "a", "model": "y"}],
            },
        },
    }
)


@pytest.fixture
def router() -> Router:
    providers = {name: Scripted() for name in ("a", "b", "rag", "builtin")}
    return Router(Snapshot(7, CONFIG), providers, random.Random(1))


def ask(model: str, text: str = "hello", **more: object) -> ChatRequest:
    return ChatRequest.check({"model": model, "messages": [{"role": "user", "content": text}], **more})


def call(**more: object) -> Call:
    return Call(Recording(), **more)  # type: ignore[arg-type]


def ids(plan: Plan) -> list[str]:
    return [deployment.id for deployment in plan.candidates]


def routed(models: object, **providers: object) -> Router:
    """A router over the providers `a`, `b` and `c`."""
    settings = {"a": {"kind": "openai"}, "b": {"kind": "anthropic"}, "c": {"kind": "openai"}, **providers}
    config = Config.model_validate({"providers": settings, "models": models})
    return Router(Snapshot(1, config), {name: Scripted() for name in (*settings, "rag")}, random.Random(1))


def at(name: str, **more: object) -> dict[str, object]:
    """A deployment of the model `name` at the provider `a`."""
    return {"provider": "a", "model": name, **more}


def test_weights_are_the_share_of_first_tries(router: Router) -> None:
    first = Counter(ids(router.plan(ask("smart"), call()))[0] for _ in range(4000))
    assert 0.71 < first["a/big"] / 4000 < 0.79
    assert {ids(router.plan(ask("idle"), call()))[0] for _ in range(200)} == {"a/y"}


def test_a_plan_that_needs_no_look_at_the_request_is_made_once(router: Router) -> None:
    plan = router.plan(ask("one"), call())
    assert plan is router.plan(ask("one"), call())
    assert (plan.reason, plan.candidates[0].kind) == ("single", "anthropic")


def test_the_leaves_are_those_of_the_fallbacks_of_fallbacks_also_when_they_form_a_ring(router: Router) -> None:
    assert [d.id for d in router.plan(ask("fast"), call()).leaves] == ["a/small", "a/big", "b/other"]
    assert [d.id for d in router.plan(ask("smart"), call()).leaves] == ["a/big", "b/other", "a/small"]


def test_provider_and_model_can_be_named_directly(router: Router) -> None:
    plan = router.plan(ask("a/org/llama-3"), call())
    (deployment,) = plan.candidates
    assert (deployment.model, deployment.kind, deployment.leaf) == ("org/llama-3", "openai", True)
    assert (plan.reason, plan.model.strategy, plan.model.resilience.retries) == ("direct", "weighted", 1)
    assert plan.fallbacks(ProviderUnavailable("x"), ask("a/x"), call()) == []
    corpus = router.plan(ask("rag:docs"), call())
    assert (corpus.candidates[0].model, corpus.candidates[0].leaf) == ("docs", False)
    assert corpus.model.resilience.retries == 0  # the calls that it makes are retried themselves


def test_a_model_named_directly_keeps_the_limits_of_its_deployments() -> None:
    full = {"provider": "a", "model": "x", "name": "eu", "limits": {"parallel": 1}, "budgets": [{"usd": 1}]}
    other = {"provider": "a", "model": "x", "name": "us", "limits": {"parallel": 2}}
    misnamed = {"provider": "b", "model": "y", "name": "a/z"}
    router = routed({"m": {"deployments": [full, other, misnamed]}})
    plan = router.plan(ask("a/x"), call())
    assert [(d.id, d.limits.parallel, len(d.budgets)) for d in plan.candidates] == [("eu", 1, 1), ("us", 2, 0)]
    assert ids(router.plan(ask("b/y"), call())) == ["a/z"]
    assert [(d.id, d.model) for d in router.plan(ask("a/z"), call()).candidates] == [("a/z", "z")]
    assert [router.deployment("a", "x").id, router.deployment("a", "new").id] == ["eu", "a/new"]


@pytest.mark.parametrize(
    ("name", "hint"), [("fasst", "Did you mean 'fast'"), ("c/x", "There are: fast"), ("", "There are")]
)
def test_an_unknown_model_is_told_the_nearest(router: Router, name: str, hint: str) -> None:
    with pytest.raises(UnknownModel, match=hint) as caught:
        router.plan(ask(name), call())
    assert caught.value.param == "model"


def test_names_that_callers_make_up_do_not_fill_the_memory(router: Router) -> None:
    for number in range(1100):
        router.plan(ask(f"a/{number}"), call())
    assert len(router._direct) == 1024


def test_the_first_rule_that_holds_leads_to_another_alias() -> None:
    router = routed(
        {
            "m": {
                "deployments": [at("plain")],
                "rules": [
                    {"when": {"metadata": {"tier": "gold"}}, "use": "best"},
                    {"when": {"tokens_over": 100}, "use": "long"},
                ],
            },
            "best": {"deployments": [at("best")]},
            "long": {"deployments": [at("long")], "rules": [{"when": {}, "use": "m"}]},
        }
    )
    assert ids(router.plan(ask("m"), call())) == ["a/plain"]
    gold = router.plan(ask("m"), call(metadata={"tier": "gold"}))
    assert (ids(gold), gold.alias, gold.reason) == (["a/best"], "best", "rule 1 -> best, single")
    long = router.plan(ask("m", "word " * 200), call())  # whose own rule leads back, which is not followed
    assert (ids(long), long.reason) == (["a/long"], "rule 2 -> long, single")
    assert ids(router.plan(ask("m"), call(), tokens=101)) == ["a/long"]


def test_a_deployment_may_have_a_condition() -> None:
    router = routed(
        {"m": {"deployments": [at("any"), at("tools", when={"tools": True}), at("german", when={"language": ["de"]})]}}
    )
    assert ids(router.plan(ask("m"), call())) == ["a/any"]
    tool = {"type": "function", "function": {"name": "f"}}
    assert sorted(ids(router.plan(ask("m", tools=[tool]), call()))) == ["a/any", "a/tools"]
    assert sorted(ids(router.plan(ask("m", "Was ist das und wie geht es mir?"), call()))) == ["a/any", "a/german"]


def test_when_no_deployment_is_meant_for_a_call_the_fallbacks_are_else_it_is_refused() -> None:
    picky = at("tools", when={"tools": True})
    router = routed(
        {
            "alone": {"deployments": [picky]},
            "m": {"deployments": [picky], "fallbacks": ["alone", "other"]},
            "other": {"deployments": [at("x")]},
        }
    )
    plan = router.plan(ask("m"), call())
    assert (ids(plan), plan.reason) == (["a/x"], "fallback any -> other, single")
    with pytest.raises(InvalidRequest, match="No deployment of 'alone' takes this call"):
        router.plan(ask("alone"), call())


def test_a_call_that_is_too_long_goes_where_it_fits() -> None:
    router = routed(
        {
            "m": {
                "deployments": [at("small", context_tokens=50), at("middle", context_tokens=100)],
                "fallbacks": {"context": ["tiny", "wide", "wider"], "any": ["other"]},
            },
            "tiny": {"deployments": [at("tiny", context_tokens=10)]},
            "wide": {"deployments": [at("wide", context_tokens=1000)]},
            "wider": {"deployments": [at("wider")]},
            "other": {"deployments": [at("other")]},
            "alone": {"deployments": [at("small", context_tokens=50), at("middle", context_tokens=100)]},
        }
    )
    assert sorted(ids(router.plan(ask("m"), call(), tokens=50))) == ["a/middle", "a/small"]
    assert ids(router.plan(ask("m"), call(), tokens=51)) == ["a/middle"]
    plan = router.plan(ask("m"), call(), tokens=101)
    assert (ids(plan), plan.reason, plan.fits) == (["a/wide"], "fallback context -> wide, single", True)
    assert [later.alias for later in plan.then] == ["wider", "tiny"]
    assert ids(router.plan(ask("m"), call(), tokens=1001)) == ["a/wider"]
    nowhere = router.plan(ask("alone"), call(), tokens=101)  # an estimate may be wrong: the longest is asked
    assert (ids(nowhere), nowhere.fits, nowhere.reason) == (["a/middle"], False, "longest context")


@pytest.mark.parametrize(
    ("error", "alias"),
    [
        (ContextTooLong("x"), "context"),
        (ContentFiltered("x"), "content"),
        (RateLimited("x"), "rate_limit"),
        (ProviderUnavailable("x"), "server"),
        (ProviderTimeout("x"), "timeout"),
        (ProviderAuth("x"), "auth"),
        (ProviderProtocolError("x"), "any"),
    ],
)
def test_each_class_of_failure_has_its_fallbacks(error: PilothouseError, alias: str) -> None:
    classes = ("context", "content", "rate_limit", "server", "timeout", "auth", "any")
    models: dict[str, object] = {name: {"deployments": [at(name)]} for name in classes}
    models["m"] = {"deployments": [at("m")], "fallbacks": {name: [name] for name in classes}}
    models["plain"] = {"deployments": [at("m")], "fallbacks": ["any"]}
    router = routed(models)
    (plan,) = router.plan(ask("m"), call()).fallbacks(error, ask("m"), call())
    assert (ids(plan), plan.reason) == ([f"a/{alias}"], f"fallback {alias} -> {alias}, single")
    (plan,) = router.plan(ask("plain"), call()).fallbacks(error, ask("plain"), call())
    assert ids(plan) == ["a/any"]  # for lack of a list of its own


COMPLEXITY = {
    "auto": {"strategy": "complexity", "simple": "fast", "complex": "smart"},
    "ruled": {"deployments": [at("x")], "rules": [{"when": {"tools": False}, "use": "auto"}]},
    "fast": {"deployments": [at("small")]},
    "smart": {"deployments": [at("big")]},
}


@pytest.mark.parametrize("name", ["auto", "ruled"])
async def test_complexity_is_for_somebody_else_to_judge(name: str) -> None:
    asked: list[ModelConfig] = []

    async def choose(request: object, call: Call, model: ModelConfig) -> Choice:
        asked.append(model)
        return "simple"

    router = routed(COMPLEXITY)
    router._choose = choose
    plan = await router.decide(ask(name), call())
    assert ids(plan) == ["a/small"]
    assert plan.reason.endswith("simple -> fast, single")
    assert asked == [router.snapshot.config.models["auto"]]
    assert ids(await router.decide(ask("fast"), call())) == ["a/small"]
    assert len(asked) == 1


async def test_without_a_judgement_a_call_counts_as_complex() -> None:
    async def fail(*_: object) -> Choice:
        raise ModelFilesError("no head")

    router = routed(COMPLEXITY)
    assert ids(await router.decide(ask("auto"), call())) == ["a/big"]
    router._choose = fail
    assert ids(await router.decide(ask("auto"), call())) == ["a/big"]
    assert ids(router.plan(ask("auto"), call(), choice="simple")) == ["a/small"]


def test_timeouts_are_the_deployments_own_or_its_providers() -> None:
    models = {
        "m": {"deployments": [at("x")]},
        "own": {"deployments": [at("x", timeout=3, first_token_timeout=1, limits={"parallel": 2})]},
    }
    router = routed(models, a={"kind": "openai", "timeout": 30, "first_token_timeout": 10})
    (given,) = router.plan(ask("m"), call()).candidates
    (own,) = router.plan(ask("own"), call()).candidates
    assert (given.timeout, given.first_token_timeout, given.limited) == (30, 10, False)
    assert (own.timeout, own.first_token_timeout, own.limited) == (3, 1, True)


def test_waits_for_connection_and_pieces_are_the_deployments_own_where_it_has_one() -> None:
    models = {"m": {"deployments": [at("x"), at("y", connect_timeout=1), at("z", read_timeout=7)]}}
    router = routed(models, a={"kind": "openai", "connect_timeout": 2, "read_timeout": 30})
    found = {d.model: d.patience for d in router.deployments()}
    assert found == {"x": None, "y": (1, 30), "z": (2, 7)}


def test_requests_that_are_no_chats_are_routed_too() -> None:
    router = routed({"m": {"deployments": [at("short", context_tokens=10), at("long")]}})
    request = EmbedRequest.check({"model": "m", "input": ["word " * 20, "x"]})
    assert ids(router.plan(request, call())) == ["a/long"]


def test_the_version_names_number_and_content(router: Router) -> None:
    assert router.version.startswith("7-")


async def test_what_is_offered_are_aliases_and_local_models(router: Router) -> None:
    offered = dict(await router.offered())
    assert offered["fast"] == "pilothouse"
    assert offered["builtin/m"] == "builtin"
    assert offered["rag:m"] == "rag"


CORPUS = {"deployments": [{"provider": "rag", "model": "docs"}], "exact_cache": {}}


def test_which_kept_answers_age_with_a_corpus() -> None:
    plain = {"deployments": [{"provider": "a", "model": "x"}], "exact_cache": {}}
    router = routed(
        {
            "docs": CORPUS,
            "near": {"deployments": CORPUS["deployments"], "semantic_cache": {}},
            "falls": {**plain, "fallbacks": ["docs"]},
            "plain": plain,
            "kept-nowhere": {"deployments": CORPUS["deployments"]},
        }
    )
    assert router.growing == {"docs", "near", "falls"}


def test_how_a_corpus_is_asked_shapes_its_answers() -> None:
    def revision(model: str = "x", alias: str = "docs", **rag: object) -> str:
        smart = {"deployments": [{"provider": "builtin", "model": model}]}
        settings = {"answer_model": "smart", **rag}
        config = Config.model_validate({"models": {"docs": CORPUS, "smart": smart, "plain": smart}, "rag": settings})
        router = Router(Snapshot(1, config), {"rag": Scripted(), "builtin": Scripted()})
        return router.revision(router.plan(ask(alias), call()))

    assert len({revision(), revision("y"), revision(top_k=3), revision(answer_model="builtin/extractive")}) == 4
    assert revision(answer_model="docs") != revision()
    assert revision(alias="plain") == revision(alias="plain", top_k=3)
