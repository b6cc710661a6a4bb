"""One turn at a model or several: of a case's task, or of one evaluator over what that made. It counts what that came
to. Knows nothing of who asks.
"""

from dataclasses import dataclass, field
from hashlib import blake2b

from pilothouse.storage.evaluating.eval_answers import KeptAnswer

__all__ = ["Turn", "trace_of"]


@dataclass(slots=True, kw_only=True)
class Turn:
    """`calls` answers so far, of which `paid` were paid for by this turn, now or before the process was killed.

    `cost_nano` is what all of them cost whoever paid, `paid_nano` what those did that this turn paid; None once one has
    no known price. `answers_s` is how long the answers took when they were made, those `kept` long ago; `inside_s` was
    spent until they were there, `waited_s` of it waiting for room, which is nobody's latency. `cut` says that a wait
    for room was cut off. `context` are the passages that a corpus gave to its model.
    """

    trace_id: str
    trial: int = 0
    source: tuple[str | None, str | None] = (None, None)
    calls: int = 0
    paid: int = 0
    cost_nano: int | None = 0
    paid_nano: int | None = 0
    kept: int = 0
    waited_s: float = 0.0
    inside_s: float = 0.0
    answers_s: float = 0.0
    cut: bool = False
    answered_in: str | None = None
    context: tuple[str, ...] | None = None
    keys: set[str] = field(default_factory=set)

    def note(self, key: str, answer: KeptAnswer, *, fresh: bool) -> bool:
        """Count an answer; whether this turn is who paid for it."""
        self.calls += 1
        self.kept += not fresh
        self.answers_s += answer.latency_us / 1e6
        self.answered_in = answer.trace_id
        self.context = tuple(answer.body["context"]) if answer.body.get("context") is not None else self.context
        if key in self.keys:
            return False
        self.keys.add(key)
        self.cost_nano = _sum(self.cost_nano, answer.cost_nano)
        if answer.trace_id != self.trace_id:
            return False
        self.paid += 1
        self.paid_nano = _sum(self.paid_nano, answer.cost_nano)
        return True

    def latency_s(self, elapsed_s: float) -> float:
        """How long the output took, of which `elapsed_s` went by here: what is kept counts as when it was made. Several
        questions at once, some of them kept, count one after the other."""
        if self.calls > 1 and not self.kept:
            return max(0.0, elapsed_s - self.waited_s)
        return max(0.0, elapsed_s - self.inside_s) + self.answers_s

    @property
    def cached(self) -> bool:
        """Whether there were answers, and others had paid for all of them."""
        return self.calls > 0 and self.paid == 0


def trace_of(run_id: str, case_id: str, trial: int, evaluator: str = "") -> str:
    """The trace in which a case is asked about: always the same, with the time of its run at its head as any other."""
    named = "\n".join((run_id, case_id, str(trial), evaluator)).encode("utf-8", "replace")
    digits = blake2b(named, digest_size=9).hexdigest()
    return f"{run_id[:12]}7{digits[:3]}8{digits[3:]}"


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
