"""Where a search begins: the version, and the cases of both sides. Read and checked before anything is asked."""

from dataclasses import dataclass

from pilothouse.errors import ConfigError, NotFound
from pilothouse.lifecycle.optimizing.order import OptimizeOrder
from pilothouse.lifecycle.optimizing.sides import Sides, read_sides
from pilothouse.prompts.registry import Prompts
from pilothouse.prompts.versions import LATEST, Version
from pilothouse.storage import Store
from pilothouse.storage.evaluating.datasets import Datasets

__all__ = ["Start", "start_of"]


@dataclass(frozen=True, slots=True)
class Start:
    """`dataset` is its `name@version`; `model` is who answers."""

    version: Version
    model: str
    dataset: str
    sides: Sides


def start_of(store: Store, prompts: Prompts, project: str, name: str, order: OptimizeOrder) -> Start:
    """What an order means now. Raises NotFound for what there is not, ConfigError where nobody is said to answer, and
    InvalidRequest for splits that are not there or too small. Blocks on the database."""
    version = _version(prompts, project, name, order)
    model = order.model or version.content.model
    if model is None:
        raise ConfigError(f"'{name}' names no model: say which one answers, as 'model'.", param="model")
    return Start(version, model, *read_sides(Datasets(store), project, order))


def _version(prompts: Prompts, project: str, name: str, order: OptimizeOrder) -> Version:
    if order.version is not None or order.label is not None:
        return prompts.get(project, name, version=order.version, label=order.label)
    try:
        return prompts.get(project, name)
    except NotFound:
        return prompts.get(project, name, label=LATEST)
