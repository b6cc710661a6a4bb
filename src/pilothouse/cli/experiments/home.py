"""The experiments of the home, as commands ask about them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pilothouse.cli.options import me
from pilothouse.lifecycle.experiments.shown import experiment_json
from pilothouse.prompts.experiments.shape import Design
from pilothouse.types import Json

if TYPE_CHECKING:
    from pilothouse.app import Platform

__all__ = ["Home"]


class Home:
    """A Desk."""

    def __init__(self, platform: "Platform", project: str) -> None:
        self._platform, self._project = platform, project
        self._rooms = platform.prompts.experiments
        self._registry = self._rooms.registry

    def list(self, *, status: Any, limit: int) -> Sequence[Json]:
        return [experiment_json(one) for one in self._registry.list(self._project, status=status, limit=limit)]

    def create(self, design: Json, *, start: bool) -> Json:
        made = self._registry.create(self._project, Design.model_validate(design), by=me())
        return experiment_json(self._registry.start(self._project, made.id, by=me()) if start else made)

    def show(self, name: str, *, now: bool) -> Json:
        self._platform.drainer.flush()
        found = self._rooms.work.look(self._project, name) if now else self._registry.get(self._project, name)
        look = self._registry.last_look(self._project, found.id)
        return {**experiment_json(found), "look": None if look is None else look.to_json()}

    def start(self, name: str, *, force: bool, reason: str) -> Json:
        return experiment_json(self._registry.start(self._project, name, by=me(), force=force, reason=reason))

    def stop(self, name: str, *, reason: str) -> Json:
        return experiment_json(self._registry.stop(self._project, name, by=me(), reason=reason))

    def decide(self, name: str, *, arm: str, reason: str) -> Json:
        return experiment_json(self._registry.choose(self._project, name, arm, by=me(), reason=reason))
