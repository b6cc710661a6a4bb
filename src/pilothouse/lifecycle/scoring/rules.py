"""The rules of a configuration with their evaluators made, and how fast each may go. Knows nothing of traces."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pilothouse.errors import ConfigError, MissingExtra
from pilothouse.evals.registry import Evaluators
from pilothouse.evals.shapes import Evaluator
from pilothouse.scoring import EvalsConfig, EvaluatorUse, OnlineRule

__all__ = ["Pace", "Ready", "Rules", "check_online", "made"]


def made(uses: Sequence[EvaluatorUse], where: str, there: Evaluators | None = None) -> list[Evaluator]:
    """These evaluators, each with a name of its own. Raises ConfigError whose `param` is the key below `where`."""
    registry, found = there or Evaluators(), list[Evaluator]()
    for i, use in enumerate(uses):
        try:
            one = registry.from_config(use.use, {"name": use.use, **use.options})
        except MissingExtra:
            raise
        except ConfigError as error:
            raise ConfigError(f"{where}.{i}: {error.message}", param=f"{where}.{i}") from None
        if any(one.name == other.name for other in found):
            raise ConfigError(f"{where}.{i}: the name '{one.name}' is there twice.", param=f"{where}.{i}")
        found.append(one)
    return found


def check_online(config: EvalsConfig) -> None:
    """Raises ConfigError where an evaluator of a rule cannot be made."""
    for name, rule in config.online.items():
        made(rule.evaluators, f"evals.online.{name}.evaluators")


class Pace:
    """So many a minute, those of one minute at once. `clock` gives UTC microseconds."""

    def __init__(self, per_minute: int, clock: Callable[[], int]) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._left, self._at_us = float(per_minute), clock()

    @property
    def left(self) -> int:
        """How many may begin now."""
        now = self._clock()
        gained = max(0, now - self._at_us) / 60e6 * self._per_minute
        self._left, self._at_us = min(self._per_minute, self._left + gained), now
        return int(self._left)

    def take(self) -> None:
        """One begins."""
        self._left -= 1


@dataclass(slots=True)
class Ready:
    """A rule that is on. `held_until_us` is until when it rests after what no other trace would fare better with;
    `spent_day` the day on which its budget was found spent."""

    name: str
    rule: OnlineRule
    evaluators: Sequence[Evaluator]
    pace: Pace
    held_until_us: int = 0
    spent_day: int = -1
    kinds: Mapping[str, str] = field(default_factory=dict)


class Rules:
    """The rules as the configuration has them; what was learnt of one stays until it is another."""

    def __init__(self, config: Callable[[], EvalsConfig], clock: Callable[[], int]) -> None:
        self._config = config
        self._clock = clock
        self._ready: dict[str, Ready] = {}
        self._seen: EvalsConfig | None = None
        self._on: dict[str, OnlineRule] = {}

    def on(self) -> Mapping[str, OnlineRule]:
        """Those that take traces. Costs next to nothing while the configuration is the same."""
        config = self._config()
        if config is not self._seen:
            self._on = {name: rule for name, rule in config.online.items() if rule.enabled and rule.share > 0}
            self._seen = config
        return self._on

    def ready(self) -> list[Ready]:
        """The same with their evaluators. Raises ConfigError for one that cannot be made here."""
        rules = self.on()
        for name in [name for name in self._ready if name not in rules]:
            del self._ready[name]
        for name, rule in rules.items():
            if name not in self._ready or self._ready[name].rule != rule:
                evaluators = made(rule.evaluators, f"evals.online.{name}.evaluators")
                kinds = {one.name: use.use for one, use in zip(evaluators, rule.evaluators, strict=True)}
                pace = Pace(rule.per_minute, self._clock)
                self._ready[name] = Ready(name, rule, evaluators, pace, kinds=kinds)
        return list(self._ready.values())
