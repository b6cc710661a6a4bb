"""The judges of a run: who judges by what, from the plan that the run keeps. Knows nothing of verdicts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import msgspec

from pilothouse.config import Config
from pilothouse.errors import ConfigError
from pilothouse.evals.cards.card import JudgeId
from pilothouse.evals.judges.judging import Judging
from pilothouse.evals.judges.pairwise import Pairwise
from pilothouse.evals.judges.rubric import LlmJudge
from pilothouse.evals.registry import Evaluators
from pilothouse.evals.shapes import Evaluator
from pilothouse.ids import content_hash
from pilothouse.types import Json

__all__ = ["Named", "Planned", "named_by", "planned", "suite_in"]

Named = Callable[[str], str]
"""What a model's name stands for, such as `default (openai/gpt-4o)`."""


@dataclass(frozen=True, slots=True)
class Planned:
    """An evaluator of a run. `criteria` are those that its score is made of, ("",) where it is one; `against` is where
    a pairwise one has the other answer. `judged` says whether a model judges."""

    judge: JudgeId
    criteria: tuple[str, ...] = ("",)
    against: str | None = None
    judged: bool = True


def planned(plan: Json, named: Named = str, known: Evaluators | None = None) -> dict[str, Planned]:
    """The evaluators of a plan (of its `suite`, as runs keep it) by the name that the run calls them. What is not there
    any more, as of a plugin that was removed, is left out."""
    known, found = known or Evaluators(), dict[str, Planned]()
    suite = suite_in(plan)
    for given in suite.get("evaluators") or ():
        one = dict(given) if isinstance(given, Mapping) else {"use": given}
        kind = str(one.pop("use", ""))
        try:
            evaluator = known.from_config(kind, one)
        except ConfigError:
            continue
        found[evaluator.name] = _planned(evaluator, kind, suite.get("judge"), named)
    return found


def suite_in(plan: Json) -> Json:
    """The suite that a plan keeps, or that it is."""
    suite = plan.get("suite")
    return suite if isinstance(suite, dict) else plan


def named_by(config: Config) -> Named:
    """Names with what they stand for in this configuration: an alias that leads elsewhere is another judge."""

    def named(model: str) -> str:
        alias = config.models.get(model)
        if alias is None:
            return model
        parts = [f"{one.provider}/{one.model}" for one in alias.deployments]
        parts = parts or [str(one) for one in (alias.simple, alias.complex)]
        return f"{model} ({', '.join(dict.fromkeys(parts))})"

    return named


def _planned(evaluator: Evaluator, kind: str, default: Any, named: Named) -> Planned:
    judged = "judge" in evaluator.needs
    if not isinstance(evaluator, Judging):
        options = {field.name: getattr(evaluator, field.name) for field in fields(evaluator)}  # type: ignore[arg-type]
        model = named(str(default)) if judged and default else ""
        hashed = content_hash([kind, msgspec.to_builtins({**options, "name": ""})])
        return Planned(JudgeId(model=model, kind=kind, options=hashed, name=evaluator.name), judged=judged)
    who = evaluator.judged_by(str(default) if default else None) or ""
    model = ", ".join(named(one) for one in who.split(", ")) if who else ""
    alike = replace(evaluator, name=kind, model=None)
    judge = JudgeId(model=model, kind=kind, options=alike.fingerprint, name=evaluator.name)
    criteria = tuple(evaluator.criteria) if isinstance(evaluator, LlmJudge) else ("",)
    return Planned(judge, criteria, evaluator.against if isinstance(evaluator, Pairwise) else None)
