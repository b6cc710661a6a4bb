"""What is asked of whom: the golden prompts, the deployments, and a hash of all that was decided on purpose.

Another hash begins a deployment anew: then it was not the vendor who changed something. Knows nothing of answers.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pilothouse.config import Config
from pilothouse.errors import ConfigError
from pilothouse.evals.values import written
from pilothouse.ids import content_hash
from pilothouse.scoring import GoldenPrompt, SentinelConfig
from pilothouse.storage import Store
from pilothouse.storage.evaluating.datasets import Datasets
from pilothouse.types import Json

__all__ = ["Golden", "Target", "goldens", "plan_of", "targets"]

_NOT_LEAVES = "rag"
_LONGEST_NAME = 80  # characters


@dataclass(frozen=True, slots=True)
class Golden:
    """A question: `key` tells it from others, `input` and `expected` are what evaluators see."""

    key: str
    messages: list[Json]
    input: Any
    expected: Any = None


@dataclass(frozen=True, slots=True)
class Target:
    """A deployment by its id, and the name by which the gateway asks it directly, past every alias."""

    id: str
    model: str
    provider: str


def goldens(config: SentinelConfig, store: Store) -> list[Golden]:
    """The questions. Raises NotFound for a dataset that is not there, ConfigError for one without items. Blocks."""
    if not config.dataset:
        return _of_prompts(config.prompts)
    datasets = Datasets(store)
    dataset, version = datasets.at(config.project, config.dataset)
    found = []
    for item in datasets.items.each(config.project, dataset.id, version.number):
        found.append(Golden(item.key, _messages(item.input), item.input, item.expected))
        if len(found) == config.limit:
            break
    if not found:
        raise ConfigError(f"evals.sentinel.dataset: '{config.dataset[:80]}' has no items.", param="dataset")
    return found


def targets(config: Config, models: Sequence[str]) -> list[Target]:
    """The deployments of these aliases, and the models named as `provider/model`; each once. Corpora are left out: they
    change on purpose."""
    found: dict[str, Target] = {}
    for target in _all_of(config, models):
        if target.provider != _NOT_LEAVES:
            found.setdefault(target.model, target)
    return list(found.values())


def plan_of(
    config: Config, sentinel: SentinelConfig, target: Target, asked: Sequence[Golden], encoder: str | None
) -> str:
    """The hash of what makes answers comparable: the questions, how they are asked, where, and how they are read."""
    provider = config.providers.get(target.provider)
    place = None if provider is None else provider.model_dump(mode="json", include={"kind", "base_url", "options"})
    how = sentinel.model_dump(mode="json", include={"params", "evaluators", "judge", "baseline"})
    questions = [[one.key, one.messages, one.expected] for one in asked]
    return content_hash([target.model, place, how, questions, encoder])


def _of_prompts(prompts: Sequence[GoldenPrompt]) -> list[Golden]:
    """Named by themselves, else by what they ask; the second of a name ends in `-2`."""
    found, seen = list[Golden](), Counter[str]()
    for prompt in prompts:
        name = prompt.name or prompt.text[:_LONGEST_NAME]
        seen[name] += 1
        messages: list[Json] = [] if prompt.system is None else [{"role": "system", "content": prompt.system}]
        messages.append({"role": "user", "content": prompt.text})
        key = name if seen[name] == 1 else f"{name}-{seen[name]}"
        found.append(Golden(key, messages, prompt.text, prompt.expected))
    return found


def _messages(given: Any) -> list[Json]:
    if isinstance(given, dict) and isinstance(given.get("messages"), list):
        return list(given["messages"])
    if isinstance(given, list) and given and all(isinstance(turn, dict) and "role" in turn for turn in given):
        return list(given)
    return [{"role": "user", "content": written(given)}]


def _all_of(config: Config, models: Sequence[str]) -> Iterator[Target]:
    ids: dict[str, list[str]] = {}
    for configured in config.models.values():
        for one in configured.deployments:
            ids.setdefault(f"{one.provider}/{one.model}", []).append(one.id)
    for name in models:
        alias = config.models.get(name)
        places = [(one.provider, one.model) for one in alias.deployments] if alias else [_split(name)]
        for provider, model in places:
            direct = f"{provider}/{model}"
            named = dict.fromkeys(ids.get(direct, ()))
            yield Target(next(iter(named)) if len(named) == 1 else direct, direct, provider)


def _split(name: str) -> tuple[str, str]:
    provider, _, model = name.partition("/")
    return (provider, model) if model else (_NOT_LEAVES, name)
