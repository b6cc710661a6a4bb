"""Which arm a call gets: by a hash of its unit, so that the same unit always gets the same one, on every process.

Pure. A unit falls into one of the 10,000 buckets of a layer (of which an experiment has some), and by another,
unrelated hash on an arm: weighted rendezvous hashing, so that changed weights move as few units as can be.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from pilothouse.prompts.experiments.shape import BUCKETS, Arm, Experiment, ModelTarget

__all__ = ["Assigned", "arm_of", "assign", "bucket_of", "share_out"]


@dataclass(frozen=True, slots=True)
class Assigned:
    """The arm of a call. `version` is that of the prompt, None where the label's own is meant; `model` the one to call,
    None where nothing is changed. `unit` is what was hashed; a call that is not `counted` is of no unit of the test."""

    experiment_id: str
    arm: str
    version: int | None
    model: str | None
    unit: str
    counted: bool = True


def assign(running: Sequence[Experiment], target: str, units: Mapping[str, str | None]) -> Assigned | None:
    """The arm for a call of `target` (`prompt:NAME#LABEL` or `model:ALIAS`), of the experiments `running` in its
    project. `units` has what is known of user, session and key.

    None where no experiment is about the target, and for calls without the unit it asks for, or outside its share of
    the layer: these go on as without it and are not counted.
    """
    for experiment in running:
        if experiment.about != target or not experiment.serving:
            continue
        if experiment.status == "decided":
            return _decided(experiment)
        unit = units.get(experiment.unit)
        if not unit or not _takes_part(experiment, unit):
            return None
        arm = experiment.arm(arm_of(experiment.id, experiment.weights, unit))
        return Assigned(experiment.id, arm.name, experiment.versions.get(arm.name), _model(experiment, arm), unit)
    return None


def bucket_of(project_id: str, layer: str, unit: str) -> int:
    """The bucket of a unit in a layer, 0 to 9,999: the same for all experiments of the layer, unrelated in others."""
    return _hash("layer", project_id, layer, unit) * BUCKETS >> 64


def arm_of(experiment_id: str, weights: Mapping[str, float], unit: str) -> str:
    """The arm of a unit, in proportion to the weights (Thaler and Ravishankar 1998, doi:10.1109/90.663936, weighted as
    by Schindelhauer and Schomaker 2005, doi:10.1145/1073970.1074008). Where one weight grows, units move to that arm
    alone. Raises ValueError where no arm has a weight."""
    best, found = -1.0, None
    for name, weight in weights.items():
        if weight <= 0:
            continue
        drawn = (_hash("arm", experiment_id, name, unit) + 0.5) / 2**64
        score = weight / -math.log(drawn) if drawn < 1 else math.inf
        if score > best:
            best, found = score, name
    if found is None:
        raise ValueError("no arm has a weight above 0")
    return found


def share_out(
    taken: Sequence[tuple[int, int]], share: float, holdout: float
) -> list[tuple[int, int]] | None:  # fmt: skip
    """Buckets for `share` of a layer: the lowest ones above the holdout that nobody has `taken`, as few ranges as that
    gives; None where too few are left."""
    wanted, at = max(1, round(share * BUCKETS)), round(holdout * BUCKETS)
    found: list[tuple[int, int]] = []
    for begin, end in [*sorted(taken), (BUCKETS, BUCKETS)]:
        size = min(wanted, begin - at)
        if size > 0:
            found.append((at, at + size))
            wanted -= size
        at = max(at, end)
        if not wanted:
            return found
    return None


def _takes_part(experiment: Experiment, unit: str) -> bool:
    bucket = bucket_of(experiment.project_id, experiment.layer, unit)
    return any(begin <= bucket < end for begin, end in experiment.ranges)


def _decided(experiment: Experiment) -> Assigned:
    assert experiment.outcome is not None  # `serving` says so
    arm = experiment.arm(experiment.outcome.arm)
    version = experiment.versions.get(arm.name)
    return Assigned(experiment.id, arm.name, version, _model(experiment, arm), "", counted=False)


def _model(experiment: Experiment, arm: Arm) -> str | None:
    """None where the arm's model is the one that the call asks for anyway."""
    own = experiment.target.model if isinstance(experiment.target, ModelTarget) else None
    return None if arm.model == own else arm.model


def _hash(purpose: str, *parts: str) -> int:
    """64 bits over the parts with their lengths, so that no two lists of parts are the same text."""
    told = "".join(f"{len(part)}:{part}" for part in parts)
    digest = blake2b(told.encode("utf-8", "surrogatepass"), digest_size=8, person=purpose.encode())
    return int.from_bytes(digest.digest())
