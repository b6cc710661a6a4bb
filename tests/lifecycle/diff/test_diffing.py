"""Two versions on the same inputs."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pilothouse.access.audit import Actor
from pilothouse.app import Platform
from pilothouse.config import Config
from pilothouse.errors import ConfigError, PilothouseError
from pilothouse.evals.reports.told import Told
from pilothouse.lifecycle.diff.diffing import Diff
from pilothouse.lifecycle.diff.order import order_of
from pilothouse.lifecycle.diff.sides import parse_side
from pilothouse.prompts.content import content_of
from pilothouse.storage.evaluating.eval_runs import EvalRuns
from pilothouse.testing.vendor import HeldVendor


def told(platform: Platform, before: Any, after: Any, **order: Any) -> Told:
    async def whole() -> Told:
        async with Diff(platform, "default", made) as diff:
            await diff.prepare()
            return await diff.run()

    made = order_of({"before": before, "after": after, "evaluators": ["exact"], **order})
    return asyncio.run(whole())


def test_two_models_on_a_dataset(platform: Platform, dataset: str) -> None:
    found = told(platform, "model:default", "model:short", dataset=dataset, slices=["half"], gates=["exact drop > 0.1"])
    assert found.comparison is not None
    change = found.comparison.metrics["exact"]
    assert (change.n, change.before, change.after) == (12, 0.5, 0.5)
    assert change.passes is not None
    assert (change.passes.won, change.passes.lost) == (6, 6)
    assert [flip.kind for flip in found.comparison.flips] == ["lost"] * 6 + ["won"] * 6
    assert (found.run.name, found.run.subject) == ("model:default -> model:short", "model:short")
    assert found.gates[0].passed
    assert "0 of 12 answers are the same, word for word." in found.notes
    assert "Compared on dataset questions@1." in found.notes
    runs = EvalRuns(platform.store)
    after = runs.get("default", found.run.id)
    assert after.baseline_id is not None
    before = runs.get("default", after.baseline_id)
    assert (before.subject["model"], after.subject["model"], after.dataset_version) == ("default", "short", 1)
    again = told(platform, "model:default", "model:short", dataset=dataset)
    assert again.summary.cached == 12  # what was answered is not asked again


def test_a_prompt_in_place_of_the_input(platform: Platform, dataset: str, tmp_path: Path) -> None:
    prompt = {"messages": [{"role": "user", "content": "{input}"}], "params": {"max_tokens": 1}}
    found = told(platform, "model:default", {"prompt": prompt, "label": "prompt:v2.yaml"}, dataset=dataset)
    assert found.comparison is not None
    assert found.comparison.flipped == 12
    assert found.run.subject == "prompt:v2.yaml"


def test_another_configuration_answers_beside_and_nothing_is_swapped(
    platform: Platform, dataset: str, tmp_path: Path
) -> None:
    path = tmp_path / "new.yaml"
    path.write_text("models: {default: {deployments: [{provider: builtin, model: echo}], output: {default: 1}}}")
    serving = platform.gateway.runtime
    found = told(platform, "model:default", parse_side(f"config:{path}"), dataset=dataset, model="default")
    assert found.comparison is not None
    assert found.comparison.flipped == 12
    assert platform.gateway.runtime is serving
    assert platform.snapshot.number == 1
    assert any("how documents are cut" in note for note in found.notes)
    assert platform.live.put(parse_side(f"config:{path}").config, author="t", source="cli").number == 2  # type: ignore[arg-type]
    same = told(platform, "config:1", "config:2", dataset=dataset)
    assert same.comparison is not None
    assert same.comparison.flipped == 12


def test_recorded_chats_are_asked_again_as_they_were(platform: Platform, recorded: Callable[..., None]) -> None:
    recorded("one two", "three four", "five six seven", max_tokens=2)
    recorded("eight nine", model="short")
    recorded("not this", endpoint="evals")
    same = told(platform, "recorded", "model:default", recorded={"limit": 10}, evaluators=["refusal"])
    assert same.comparison is not None
    assert (same.comparison.shared, same.summary.errors) == (4, 0)
    assert "3 of 4 answers are the same, word for word." in same.notes  # 'short' had said one word
    assert "1 left out: asked by evaluation." in same.notes
    assert same.comparison.latency is not None
    sampled = told(platform, "recorded", "model:default", recorded={"limit": 2, "seed": 3}, evaluators=["refusal"])
    assert "Compared on 2 of 4 recorded chats (seed 3)." in sampled.notes


def test_each_recorded_chat_asks_the_model_that_it_asked(
    platform: Platform, recorded: Callable[..., None], tmp_path: Path
) -> None:
    recorded("one two", "three four")
    recorded("eight nine", model="short")
    path = tmp_path / "new.yaml"
    path.write_text(
        "models: {default: {deployments: [{provider: builtin, model: echo}]}, "
        "short: {deployments: [{provider: builtin, model: echo}]}}"
    )
    found = told(platform, "recorded", parse_side(f"config:{path}"), recorded={}, evaluators=["refusal"])
    assert "2 of 3 answers are the same, word for word." in found.notes
    path.write_text("models: {default: {deployments: [{provider: builtin, model: echo}]}}")
    with pytest.raises(ConfigError, match="short"):
        told(platform, "recorded", parse_side(f"config:{path}"), recorded={}, evaluators=["refusal"])


def test_what_cannot_be_compared_is_said_before_anything_is_asked(platform: Platform, dataset: str) -> None:
    with pytest.raises(ConfigError, match=r"model:gone: .*gone"):
        told(platform, "model:default", "model:gone", dataset=dataset)
    with pytest.raises(PilothouseError, match="nothing"):
        told(platform, "model:default", "model:short", dataset="nothing")
    with pytest.raises(PilothouseError, match="No recorded chat can be asked again"):
        told(platform, "model:default", "model:short", recorded={})
    assert EvalRuns(platform.store).list("default").runs == []


def test_money_is_capped_over_both_sides_and_what_was_answered_is_not_paid_for_again(
    platform: Platform, dataset: str
) -> None:
    order = {"before": "model:vendor/a", "after": "model:vendor/b", "dataset": dataset, "evaluators": ["exact"]}

    async def whole() -> tuple[HeldVendor, Told]:
        async with HeldVendor(lambda text: text) as vendor:
            place = {"providers": {"vendor": {"kind": "openai", "base_url": f"{vendor.url}/v1", "api_key": "k"}}}
            prices = [{"provider": "vendor", "model": name, "input": 2, "output": 8} for name in ("a", "b")]
            platform.live.put(Config.model_validate({**place, "prices": prices}), author="t", source="cli")
            capped = order_of({**order, "max_cost_usd": "0.005", "concurrency": 1})
            async with Diff(platform, "default", capped) as diff:
                before, _ = await diff.prepare()
                assert before.estimate.nano is not None
                assert before.estimate.nano > 0
                with pytest.raises(PilothouseError, match=r"'model:vendor/b' was not asked to its end: .*over its cap"):
                    await diff.run()
            assert 12 < vendor.answered.total() < 20  # each answer costs 0.00028 USD
            async with Diff(platform, "default", order_of(order)) as diff:
                await diff.prepare()
                found = await diff.run()
            return vendor, found

    vendor, found = platform.run(whole())
    assert vendor.answered.total() == 24
    assert set(vendor.answered.values()) == {2}  # by a and by b
    assert found.comparison is not None
    assert found.comparison.cost is not None
    assert found.comparison.cost.before == pytest.approx(0.00028)


def test_a_side_that_names_no_model_asks_default_or_says_how_to_name_one(platform: Platform, dataset: str) -> None:
    prompt = {"prompt": {"messages": [{"role": "user", "content": "{input}"}]}, "label": "prompt:p.yaml"}
    found = told(platform, "model:default", prompt, dataset=dataset)
    assert "12 of 12 answers are the same, word for word." in found.notes
    other = Config.model_validate({"models": {"other": {"deployments": [{"provider": "builtin", "model": "echo"}]}}})
    platform.live.put(other, author="t", source="cli")
    with pytest.raises(ConfigError, match=r"which model is asked\? Name one, as prompt:p\.yaml\+model:NAME"):
        told(platform, "model:other", prompt, dataset=dataset)


def test_two_versions_of_the_registry(platform: Platform, dataset: str) -> None:
    by, registry = Actor("ada", "cli"), platform.prompts.prompts
    for template in ("{{ q }}", "No."):
        registry.create("default", "faq", content_of({"template": template, "variables": {"q": {}}}), by=by)
    found = told(platform, "prompt:faq@1", "prompt:faq@2", dataset=dataset)
    assert found.comparison is not None
    assert (found.comparison.metrics["exact"].before, found.comparison.metrics["exact"].after) == (0.5, 0)
    assert found.run.name == "prompt:faq@1 -> prompt:faq@2"
    assert found.summary.errors == 0
    with pytest.raises(ConfigError, match=r"prompt:gone: There is no prompt 'gone'\. Nor is there a file"):
        told(platform, "prompt:gone", "prompt:faq@2", dataset=dataset)
