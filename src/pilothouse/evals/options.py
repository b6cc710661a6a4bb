"""How an evaluator refuses an option: a ConfigError whose `param` is the key."""

from pilothouse.errors import ConfigError
from pilothouse.evals.shapes import Evaluator

__all__ = ["refusal"]


def refusal(evaluator: Evaluator, option: str, what: str) -> ConfigError:
    """The error to raise for an option that cannot be; `what` goes on after the key, as in "is empty"."""
    place = f"{evaluator.name}.{option}"
    return ConfigError(f"{place}: {what}.", param=place)
