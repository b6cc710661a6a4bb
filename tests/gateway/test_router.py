import random
from collections import Counter

import pytest

from pilothouse.config import Config
from pilothouse.errors import UnknownModel
from pilothouse.gateway import Router
from pilothouse.snapshot import Snapshot

from .scripted import Scripted

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


def test_fallbacks_follow_once_each_also_when_they_form_a_ring(router: Router) -> None:
    names = [d.id for d in router.candidates("fast")]
    assert names[0] == "a/small"
    assert sorted(names[1:]) == ["a/big", "b/other"]


def test_weights_are_the_share_of_first_tries(router: Router) -> None:
    first = Counter(router.candidates("smart")[0].id for _ in range(4000))
    assert 0.71 < first["a/big"] / 4000 < 0.79
    assert {router.candidates("idle")[0].id for _ in range(200)} == {"a/y"}


def test_a_single_deployment_is_the_same_object_each_time(router: Router) -> None:
    assert router.candidates("one") is router.candidates("one")
    assert router.candidates("one")[0].kind == "anthropic"


def test_provider_and_model_can_be_named_directly(router: Router) -> None:
    (deployment,) = router.candidates("a/org/llama-3")
    assert (deployment.model, deployment.kind, deployment.leaf) == ("org/llama-3", "openai", True)
    (corpus,) = router.candidates("rag:docs")
    assert (corpus.model, corpus.leaf) == ("docs", False)


@pytest.mark.parametrize(
    ("name", "hint"), [("fasst", "Did you mean 'fast'"), ("c/x", "There are: fast"), ("", "There are")]
)
def test_an_unknown_model_is_told_the_nearest(router: Router, name: str, hint: str) -> None:
    with pytest.raises(UnknownModel, match=hint) as caught:
        router.candidates(name)
    assert caught.value.param == "model"


def test_the_version_names_number_and_content(router: Router) -> None:
    assert router.version.startswith("7-")


async def test_what_is_offered_are_aliases_and_local_models(router: Router) -> None:
    offered = dict(await router.offered())
    assert offered["fast"] == "pilothouse"
    assert offered["builtin/m"] == "builtin"
    assert offered["rag:m"] == "rag"
