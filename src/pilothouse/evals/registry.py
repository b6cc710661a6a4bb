"""Evaluators by name: entry points of the group `pilothouse.evaluators`, made with the options of a configuration."""

from collections.abc import Mapping
from typing import Literal

from pilothouse.evals.shapes import Evaluator
from pilothouse.making import Kinds
from pilothouse.plugins import Registry

__all__ = ["DEFAULTS", "GROUP", "Dimension", "Evaluators"]

GROUP = "pilothouse.evaluators"

Dimension = Literal[
    "correctness", "faithfulness", "relevance", "harmlessness", "helpfulness", "coherence", "latency", "cost"
]
"""What people ask of an answer."""

DEFAULTS: Mapping[Dimension, str] = {
    "correctness": "correctness", "faithfulness": "faithfulness", "relevance": "answer_relevance",
    "harmlessness": "harmlessness", "helpfulness": "helpfulness", "coherence": "coherence", "latency": "latency",
    "cost": "cost",
}  # fmt: skip
"""The evaluator that speaks for a dimension where nobody names another."""


class Evaluators(Kinds[Evaluator]):
    """The evaluators there are. `registry` holds others in tests."""

    def __init__(self, registry: Registry | None = None) -> None:
        super().__init__(registry or Registry(GROUP), "evaluator", "evaluate")
