"""Gates: conditions that fail a run, such as `quality < 0.8 ci`. What cannot be told fails, and says why.

exact < 0.8             the mean is below 0.8
exact < 0.8 ci          it may be: unless the whole interval is at 0.8 or above
exact < 0.8 sure        it is beyond chance: the whole interval is below 0.8
exact.pass < 90%        also .pass@3, .pass^3, .failed, .skipped, .lost (passed in the baseline, and not now)
exact drop > 0.02 ci    worse than the baseline, over the same cases
errors > 5%             also failed, skipped, flaky (of all outcomes, verdicts, cases; with % a share), cases
cost > 1.5              USD of the whole run; latency.p50 and latency.p95 in seconds
cost rise > 10%         against the baseline; also latency.p50 and latency.p95
"""

import operator
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Literal

import msgspec

from pilothouse.errors import ConfigError
from pilothouse.evals.reports.compare import Comparison
from pilothouse.evals.reports.figures import figure, interval, percent
from pilothouse.evals.reports.measures import Measure, measure
from pilothouse.evals.reports.summary import Summary

__all__ = ["Gate", "GateResult", "check", "compares", "parse"]

_FORM = re.compile(
    r"(?P<name>[^<>=]+?)(?P<change>\s+drop|\s+rise)?\s*(?P<sign><=|>=|<|>)\s*(?P<limit>-?\d+(?:\.\d+)?|-?\.\d+)\s*"
    r"(?P<percent>%)?(?P<bound>\s+ci|\s+sure)?(?P<unvalidated>\s+unvalidated\s+ok)?"
)
_FAILS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_WORDS = {"<": "below", "<=": "not above", ">": "above", ">=": "not below"}
Change = Literal["", "drop", "rise"]
Bound = Literal["", "ci", "sure"]

_HOW = "Write it as `quality < 0.8 ci`, `exact.pass < 90%`, `exact drop > 0.02 ci`, `errors > 0` or `cost > 1.5`."


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """One condition. `limit` is a share where it was written with %. `bound` is how its interval is read."""

    text: str
    name: str
    change: Change
    sign: str
    limit: float
    percent: bool
    bound: Bound
    unvalidated: bool


class GateResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a gate: whether it held, and a sentence that says why, with the figures."""

    text: str
    passed: bool
    sentence: str
    value: float | None = None
    low: float | None = None
    high: float | None = None


def parse(text: str) -> Gate:
    """The gate that a text writes. Raises ConfigError with the right form."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise ConfigError(f"{text!r} is no gate. {_HOW}", param="gates")
    change, bound = (found[part] or "" for part in ("change", "bound"))
    return Gate(
        text=" ".join(text.split()),
        name=found["name"].strip(),
        change=msgspec.convert(change.strip(), Change),
        sign=found["sign"],
        limit=float(found["limit"]) / (100 if found["percent"] else 1),
        percent=bool(found["percent"]),
        bound=msgspec.convert(bound.strip(), Bound),
        unvalidated=bool(found["unvalidated"]),
    )


def check(
    gates: Iterable[Gate | str],
    summary: Summary,
    comparison: Comparison | None = None,
    *,
    may_gate: Callable[[str], str | None] = lambda name: None,
) -> list[GateResult]:
    """Hold a run against its gates. `comparison` is with its baseline, None where there is none. `may_gate` says why a
    metric may not decide, as a judge that disagrees with people, or None; a gate `... unvalidated ok` does not ask it.
    Raises ConfigError for what is no gate."""
    return [_checked(gate if isinstance(gate, Gate) else parse(gate), summary, comparison, may_gate) for gate in gates]


def compares(gate: Gate, evaluators: Collection[str]) -> bool:
    """Whether a gate cannot be told without a baseline. `evaluators` are the names of those that judge."""
    return bool(gate.change) or (gate.name.endswith(".lost") and gate.name not in evaluators)


def _checked(
    gate: Gate, summary: Summary, comparison: Comparison | None, may_gate: Callable[[str], str | None]
) -> GateResult:
    found = measure(gate.name, gate.change, gate.percent, summary, comparison)
    if isinstance(found, str):
        return GateResult(text=gate.text, passed=False, sentence=f"It cannot be told: {found}")
    if found.metric is not None and not gate.unvalidated and (why := may_gate(found.metric)):
        return GateResult(text=gate.text, passed=False, sentence=why, value=found.value, low=found.low, high=found.high)
    passed, sentence = _held(gate, found)
    return GateResult(
        text=gate.text, passed=passed, sentence=sentence, value=found.value, low=found.low, high=found.high
    )


def _held(gate: Gate, found: Measure) -> tuple[bool, str]:
    fails, write = _FAILS[gate.sign], percent if gate.percent else figure
    told = f"{found.what} is {write(found.value)}"
    if gate.bound:
        if found.low is None or found.high is None:
            return False, f"It cannot be told: {told}, without an interval{': ' if found.note else ''}{found.note}."
        told += f" ({interval(found.low, found.high)}, {found.n} cases)"
    elif found.low is not None:
        told += f" ({interval(found.low, found.high)})"
    limit = f"{_WORDS[gate.sign]} {write(gate.limit)}"
    near, far = (found.low, found.high) if gate.sign in ("<", "<=") else (found.high, found.low)
    if gate.bound == "ci":
        assert near is not None
        failed = fails(near, gate.limit)
        own = "" if fails(found.value, gate.limit) else "may be "
        return not failed, f"{told}: {'it ' + (own or 'is ') + limit if failed else 'surely not ' + limit}."
    if gate.bound == "sure":
        assert far is not None
        failed = fails(far, gate.limit)
        return not failed, f"{told}: {'' if failed else 'not surely '}{limit}."
    failed = fails(found.value, gate.limit)
    return not failed, f"{told}: {'' if failed else 'not '}{limit}."
