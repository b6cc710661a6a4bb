"""All that a report of a run says, in one value: the run, its figures, its gates, and what it is compared with."""

from datetime import UTC, datetime

import msgspec

from pilothouse.evals.reports.compare import Comparison
from pilothouse.evals.reports.gates import GateResult
from pilothouse.evals.reports.summary import Summary
from pilothouse.types import Json

__all__ = ["Facts", "Told", "verdict_of"]


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a run without reading its outcomes. `planned` outcomes were to be, `done` are there; `paid_nano`
    is what it has spent, None where that is not known. `subject` says in a few words what was evaluated."""

    id: str
    name: str
    suite: str = ""
    status: str = "done"
    error: str | None = None
    subject: str = ""
    dataset: str = ""
    branch: str = ""
    commit: str = ""
    planned: int = 0
    done: int = 0
    paid_nano: int | None = None
    created_us: int = 0

    @property
    def began(self) -> str:
        """When it began: UTC, to the second, without a zone."""
        return datetime.fromtimestamp(self.created_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A run as a report tells it. `comparison` is with `baseline`; `notes` are sentences that belong beside it all."""

    run: Facts
    summary: Summary
    gates: tuple[GateResult, ...] = ()
    comparison: Comparison | None = None
    baseline: Facts | None = None
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> list[GateResult]:
        return [gate for gate in self.gates if not gate.passed]

    @property
    def complete(self) -> bool:
        """Whether it is over, with all that was planned."""
        return self.run.status == "done"

    def to_json(self) -> Json:
        told: Json = {
            "run": msgspec.to_builtins(self.run),
            "passed": not self.failed and self.complete,
            "verdict": verdict_of(self),
            "summary": self.summary.to_json(),
            "gates": msgspec.to_builtins(self.gates),
            "baseline": None if self.baseline is None else msgspec.to_builtins(self.baseline),
            "comparison": None if self.comparison is None else self.comparison.to_json(),
            "notes": list(self.notes),
        }
        return told


def verdict_of(told: Told) -> str:
    """One sentence that decides."""
    if not told.complete:
        why = f": {told.run.error}" if told.run.error else "."
        return f"The run is {told.run.status}, with {told.run.done} of {told.run.planned} outcomes{why}"
    if told.failed:
        return f"{len(told.failed)} of {len(told.gates)} gates failed."
    if told.gates:
        return "The gate held." if len(told.gates) == 1 else f"All {len(told.gates)} gates held."
    return "The run is done. It has no gates."
