from pathlib import Path
from typing import Any

import pytest

from pilothouse.config import Config
from pilothouse.errors import ConfigError, NotFound
from pilothouse.lifecycle.sentinel.plan import Target, goldens, plan_of, targets
from pilothouse.scoring import SentinelConfig
from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.storage.evaluating.datasets import Datasets

CONFIG: dict[str, Any] = {
    "providers": {"pool": {"kind": "openai", "base_url": "http://10.0.0.5/v1"}},
    "models": {
        "m": {"deployments": [
            {"provider": "pool", "model": "a"}, {"provider": "pool", "model": "b", "name": "b-main"},
            {"provider": "pool", "model": "b", "name": "b-spare"}, {"provider": "rag", "model": "docs"},
        ]},
        "auto": {"strategy": "complexity", "simple": "m", "complex": "m"},
    },
}  # fmt: skip


def sentinel(**changes: Any) -> SentinelConfig:
    return SentinelConfig.model_validate({"models": ["m"], "prompts": ["Who?"], **changes})


def test_deployments_are_named_by_their_ids_where_these_tell_them_apart() -> None:
    config = Config.model_validate(CONFIG)
    found = [Target("pool/a", "pool/a", "pool"), Target("pool/b", "pool/b", "pool")]
    assert targets(config, ["m", "pool/a", "auto"]) == found
    assert targets(config, ["pool/c"]) == [Target("pool/c", "pool/c", "pool")]
    CONFIG["models"]["m"]["deployments"][2]["name"] = "b-main"
    assert targets(Config.model_validate(CONFIG), ["m"])[1] == Target("b-main", "pool/b", "pool")


def test_prompts_have_keys_of_their_own(tmp_path: Path) -> None:
    given = ["Who?", "When?", {"text": "Where?", "name": "place", "system": "Be brief.", "expected": "Paris"}]
    found = goldens(sentinel(prompts=given), open_store(Settings(home=tmp_path)))
    assert [one.key for one in found] == ["Who?", "When?", "place"]
    again = goldens(
        sentinel(prompts=["Who?", {"text": "Who?", "system": "Be kind."}]), open_store(Settings(home=tmp_path))
    )
    assert [one.key for one in again] == ["Who?", "Who?-2"]
    assert (found[2].key, found[2].input, found[2].expected) == ("place", "Where?", "Paris")
    assert [turn["role"] for turn in found[2].messages] == ["system", "user"]


@pytest.fixture
def filled(tmp_path: Path) -> Store:
    store = open_store(Settings(home=tmp_path))
    datasets = Datasets(store)
    golden = datasets.create("default", "golden")
    items = [
        NewItem(input="Who?", key="a", expected="Ada"),
        NewItem(input={"messages": [{"role": "user", "content": "When?"}]}, key="b"),
        NewItem(input={"city": "Paris"}, key="c"),
    ]
    datasets.change("default", golden, items)
    datasets.change("default", golden, [NewItem(input="Newer?", key="d")])
    datasets.create("default", "empty")
    return store


def test_items_of_a_dataset_are_asked_as_they_are(filled: Store) -> None:
    found = goldens(sentinel(prompts=[], dataset="golden@1"), filled)
    assert [one.key for one in found] == ["a", "b", "c"]
    assert [one.messages[0]["content"] for one in found] == ["Who?", "When?", '{"city": "Paris"}']
    assert found[0].expected == "Ada"
    assert len(goldens(sentinel(prompts=[], dataset="golden"), filled)) == 4
    assert len(goldens(sentinel(prompts=[], dataset="golden", limit=2), filled)) == 2


@pytest.mark.parametrize(
    ("dataset", "error"),
    [("none", NotFound), ("golden@x", NotFound), ("golden@9", NotFound), ("empty", (ConfigError, NotFound))],
)
def test_a_dataset_that_is_not_there(filled: Store, dataset: str, error: Any) -> None:
    with pytest.raises(error):
        goldens(sentinel(prompts=[], dataset=dataset), filled)


def test_what_is_decided_on_purpose_is_another_plan(tmp_path: Path) -> None:
    store, config, target = (
        open_store(Settings(home=tmp_path)),
        Config.model_validate(CONFIG),
        Target("x", "pool/a", "pool"),
    )

    def plan(config: Config = config, encoder: str | None = "e", **changes: Any) -> str:
        asks = sentinel(**changes)
        return plan_of(config, asks, target, goldens(asks, store), encoder)

    moved = Config.model_validate(CONFIG | {"providers": {"pool": {"kind": "openai", "base_url": "http://other/v1"}}})
    others = [
        plan(moved), plan(encoder=None), plan(prompts=["Whom?"]), plan(params={"seed": 1}), plan(baseline=12),
        plan(evaluators=["refusal"]), plan(judge="m"),
    ]  # fmt: skip
    assert len({plan(), *others}) == len(others) + 1
    key = Config.model_validate(CONFIG | {"providers": {"pool": {**CONFIG["providers"]["pool"], "api_key": "new"}}})
    same = [plan(key), plan(watch=["length"]), plan(false_alarms=50), plan(schedule="1 * * * *")]
    assert set(same) == {plan()}
