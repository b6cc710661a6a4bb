"""An experiment as JSON, for the API and the command line."""

from typing import Any

from pilothouse.prompts.experiments.shape import Experiment
from pilothouse.types import Json

__all__ = ["experiment_json"]


def experiment_json(one: Experiment) -> Json:
    """What it says and what became of it. `about` is its target as one text, `shares` the arms' present shares."""
    total = sum(one.weights.values())
    told: dict[str, Any] = one.model_dump(mode="json", exclude={"scales": True, "told": True, "outcome": {"untold"}})
    return {
        **told, "about": one.about, "serving": one.serving,
        "shares": {name: weight / total for name, weight in one.weights.items()},
    }  # fmt: skip
