"""Which labels are protected, and the suite that a version must pass: from the configuration to a plan. Asks nobody."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from pilothouse.errors import ConfigError
from pilothouse.evals.reports.gates import compares
from pilothouse.evals.runs.suite import Written, nearest, suite_of
from pilothouse.ids import content_hash
from pilothouse.prompting import PromptsConfig, Protected
from pilothouse.types import Json

__all__ = ["Plan", "check_protected", "plan_of", "rule_for", "rule_hash"]

_LONGEST = 240  # characters of a prompt's name in the name of a suite
_NOT_OURS = {
    "task": "the version is what it asks",
    "baseline": "it is compared with the version that the label has now",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """How a version is judged. `metric` is the evaluator that may not lose, `rule` what else is asked; `hash` tells a
    plan from another, whatever version it judges."""

    rule: Protected
    written: Written
    metric: str
    hash: str


def rule_for(config: PromptsConfig, name: str, label: str) -> Protected | None:
    """The first rule that fits a prompt and a label; None where it is not protected."""
    for rule in config.protected:
        if label in rule.labels and fnmatchcase(name, rule.prompts):
            return rule
    return None


def rule_hash(rule: Protected) -> str:
    """Changes with everything that decides about a version."""
    return content_hash(rule.model_dump(mode="json", exclude={"prompts", "labels", "approvals"}))


def plan_of(rule: Protected, name: str, version: int, *, model: str | None = None, first: bool = False) -> Plan:
    """The plan for a version, asked of `model` where that is said. Of a `first` version, which is compared with none,
    gates that compare do not count. Raises ConfigError naming the key."""
    if rule.suite is None:
        raise ConfigError(f"No suite says by what '{name}' is judged: write one in prompts.protected.", param="suite")
    for key, why in _NOT_OURS.items():
        if key in rule.suite:
            raise ConfigError(f"suite.{key}: is not said here: {why}.", param=f"suite.{key}")
    task: Json = {"prompt": f"{name}@{version}"} | ({} if model is None else {"model": model})
    written = suite_of({"suite": f"prompt {name[:_LONGEST]}", **rule.suite, "task": task}, at=_at)
    names = [one.name for one in written.evaluators()]
    written.check_gates(names)
    metric = rule.metric or names[0]
    if metric not in names:
        raise ConfigError(
            f"metric: no evaluator of the suite is named '{metric}'.{nearest(metric, names)}", param="metric"
        )
    if first:
        gates = [gate.text for gate in written.gates() if not compares(gate, names)]
        suite = written.suite.model_copy(update={"gates": gates})
        written = Written(suite, written.folder, written.at)
    return Plan(rule, written, metric, rule_hash(rule))


def check_protected(config: PromptsConfig) -> None:
    """Raises ConfigError for a rule whose suite cannot be run, naming its place."""
    for i, rule in enumerate(config.protected):
        if rule.suite is None:
            continue
        place = f"prompts.protected.{i}"
        if "data" in rule.suite or "dataset" not in rule.suite:
            raise ConfigError(f"{place}.suite: name the cases as 'dataset'.", param=f"{place}.suite.dataset")
        try:
            plan_of(rule, "prompt", 1)
        except ConfigError as error:
            told = "\n".join(f"{place}.{line}" for line in error.message.splitlines())
            raise ConfigError(told, param=f"{place}.{error.param}" if error.param else place) from None


def _at(place: object) -> str:
    steps = place if isinstance(place, list | tuple) else ()
    return f"suite.{'.'.join(map(str, steps))}: " if steps else "suite: "
