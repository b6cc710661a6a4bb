"""What the configuration of prompts says that can hardly be meant. Plain functions."""

from collections.abc import Iterator

from pilothouse.config import Config
from pilothouse.errors import ConfigError
from pilothouse.lifecycle.concern import Concern
from pilothouse.lifecycle.prompting.protection import check_protected
from pilothouse.prompting import PromptsConfig

__all__ = ["prompt_concerns"]


def prompt_concerns(config: Config) -> Iterator[Concern]:
    """Everything that should be looked at below `prompts`, by place."""
    prompts = config.prompts
    for i, rule in enumerate(prompts.protected):
        here = ("prompts", "protected", i)
        try:
            check_protected(PromptsConfig(protected=[rule]))
        except ConfigError as error:
            told = error.message.splitlines()[0].removeprefix("prompts.protected.0.")
            yield Concern(here, told.rstrip("."), grave=True)
        for key, model in (("model", rule.model), ("suite", (rule.suite or {}).get("judge"))):
            if isinstance(model, str) and not _there(model, config):
                yield Concern((*here, key), f"no model is called '{model}'", grave=True)
        for j, before in enumerate(prompts.protected[:i]):
            if before.prompts in ("*", rule.prompts) and set(rule.labels) <= set(before.labels):
                yield Concern(here, f"never holds: prompts.protected.{j} fits all that it does, and comes first")
                break
    watch = prompts.watch
    if watch.rollback and not watch.enabled:
        yield Concern(("prompts", "watch", "rollback"), "nothing goes back: the watch is not enabled")


def _there(model: str, config: Config) -> bool:
    """Whether an alias or a provider is named."""
    provider, slash, _ = model.partition("/")
    known = provider in config.providers or provider == "builtin"
    return model in config.models or model.startswith("rag:") or bool(slash and known)
