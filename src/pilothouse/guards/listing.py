"""What there is, as people and programs are told it: the guards with their options, and the policies that serve."""

from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import Any

from pilothouse.guarding import STAGES, GuardsConfig
from pilothouse.guards.policy import Policies
from pilothouse.guards.registry import Guards
from pilothouse.guards.streaming import hold_back
from pilothouse.types import Json

__all__ = ["kinds", "policies"]


def kinds(guards: Guards) -> Sequence[Json]:
    """Every guard: what it looks for, at which stages, and its options."""
    return [_kind(name, guards.kind(name)) for name in guards.names()]


def policies(made: Policies, config: GuardsConfig) -> Sequence[Json]:
    """Every policy, with its version. `hold_back` is how many characters of a streamed answer wait at most, None where
    nothing leaves before its end."""
    return [
        {
            "name": name, "version": made.alone(name).version, "hold_back": hold_back(made.alone(name).at("output")),
            **rules.model_dump(mode="json"),
        }
        for name, rules in config.policies.items()
    ]  # fmt: skip


def _kind(name: str, kind: Any) -> Json:
    options = [
        {"name": field.name, "type": str(field.type), "required": field.default is field.default_factory is MISSING}
        for field in fields(kind)
        if field.init
    ]
    return {
        "name": name, "about": (kind.__doc__ or "").strip().split("\n\n")[0].replace("\n", " "),
        "stages": [stage for stage in STAGES if stage in kind.stages], "action": kind.action, "reads": kind.reads,
        "options": options,
    }  # fmt: skip
