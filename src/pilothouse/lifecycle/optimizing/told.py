"""What an optimisation came to: each proposal, and the best one beside the version that there is, on held-out cases."""

from typing import Literal

import msgspec

from pilothouse.evals.reports.compare import Change
from pilothouse.evals.reports.figures import figure, signed
from pilothouse.types import Json

__all__ = ["Optimized", "Proposal", "sentences", "told_from"]


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """One content that was tried. `before` and `after` are means over the same `n` train cases, of which the examples
    in it are none; None where it was not measured, and `refused` says why."""

    how: str
    hash: str | None = None
    n: int = 0
    before: float | None = None
    after: float | None = None
    refused: str = ""
    run_id: str | None = None


class Optimized(msgspec.Struct, frozen=True, kw_only=True):
    """`source` is the version that it began with, `version` the proposal that was kept, None where none was.

    `change` holds both on the held-out cases, paired, with its interval at 95 %. `verdict` is "better" where that is
    beyond chance, "unsure" where the proposal is ahead and chance would do as much, "none" where nothing was found.
    `cost_usd` is what was paid; None where a price is not known.
    """

    prompt: str
    source: int
    dataset: str
    metric: str
    train: int
    held_out: int
    verdict: Literal["better", "unsure", "none"]
    why: str
    version: int | None = None
    change: Change | None = None
    proposals: tuple[Proposal, ...] = ()
    notes: tuple[str, ...] = ()
    cost_usd: float | None = 0.0

    def to_json(self) -> Json:
        """Plain JSON."""
        told: Json = msgspec.to_builtins(self)
        return told


def told_from(told: Json) -> Optimized:
    """What `to_json` made. Raises msgspec.ValidationError for anything else."""
    return msgspec.convert(told, Optimized)


def sentences(told: Optimized) -> list[str]:
    """For people: what was tried, what came of it, and what to do next."""
    lines = [f"{told.prompt}@{told.source} on {told.dataset}: {told.train} train cases, {told.held_out} held out."]
    for one in told.proposals:
        if one.after is None or one.before is None:
            lines.append(f"  {one.how}: left out, {one.refused}.")
        else:
            gain = signed(one.after - one.before)
            lines.append(f"  {one.how}: {told.metric} {figure(one.before)} → {figure(one.after)} ({gain}) on train.")
    lines += [f"  {note}" for note in told.notes]
    lines.append(told.why)
    if told.version is not None:
        lines.append(
            f"Kept as {told.prompt}@{told.version}, without a label. Look at it, then: "
            f"pilothouse prompts evaluate '{told.prompt}@{told.version}'"
        )
    cost = "unknown" if told.cost_usd is None else f"${told.cost_usd:.4f}"
    return [*lines, f"Cost: {cost}."]
