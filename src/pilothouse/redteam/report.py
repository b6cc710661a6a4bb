"""What a run of the red team showed: how often attacks succeed, by class, mutator and family, with intervals; who
stopped them; which of the harmless requests a guard stopped.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
import numpy as np

from pilothouse.cases import Outcome
from pilothouse.evals.reports.runs import facts_of
from pilothouse.redteam.ordering import order_in
from pilothouse.redteam.playing import GUARDS, STOPPED
from pilothouse.redteam.shapes import CLASSES, HARMLESS
from pilothouse.stats.intervals import mean_interval
from pilothouse.storage.evaluating.eval_runs import Run
from pilothouse.types import Json

__all__ = ["FAILED", "Broken", "GuardShare", "Rate", "Report", "class_of", "report_of", "row_of", "success_of"]

FAILED = "could not look"
_SEED = 0
_MOST_BROKEN = 200
_EXCERPT = 400
_ATTACK, _HARMLESS = "attack_success", "harmless_stopped"


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """Of `n` attacks the share that succeeds, with its 95 % interval (Wilson's; of several trials a bootstrap over
    attacks). `succeeded`, `stopped` (by a guard), `refused` and `resisted` count tries. Of `seeds` attacks before any
    mutator `seeds_broken` succeed in at least one form: the forms of one seed are alike, so this says more than `n`."""

    name: str
    n: int
    rate: float | None = None
    low: float | None = None
    high: float | None = None
    succeeded: int = 0
    stopped: int = 0
    refused: int = 0
    resisted: int = 0
    seeds: int = 0
    seeds_broken: int = 0


class GuardShare(msgspec.Struct, frozen=True, kw_only=True):
    """How often a guard triggered at a stage: in `attacks` tries, in `harmless` ones. `action` is what was done;
    FAILED where it could not look, so that nobody did."""

    guard: str
    stage: str
    action: str
    policy: str
    attacks: int
    harmless: int


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """An attack that succeeded: how that shows, and how the answer begins."""

    id: str
    attack_class: str
    mutator: str
    how: str
    text: str
    output: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. `errors` are tries that failed, with the most frequent reasons: they are in no rate. `harmless` counts
    what a guard stopped of the requests that harm nobody. `left_out` attacks mean nothing to this target."""

    run: str
    name: str
    target: str
    status: str
    began: str
    cost_usd: float | None
    total: Rate
    classes: tuple[Rate, ...]
    mutators: tuple[Rate, ...]
    families: tuple[Rate, ...]
    guards: tuple[GuardShare, ...] = ()
    harmless: Rate | None = None
    broken: tuple[Broken, ...] = ()
    errors: int = 0
    why_errors: tuple[str, ...] = ()
    left_out: int = 0
    guards_version: str = ""

    def to_json(self) -> Json:
        told: Json = msgspec.to_builtins(self)
        return told

    def rate(self, name: str) -> Rate | None:
        """That of a class; of all attacks for `all`."""
        return self.total if name == "all" else next((one for one in self.classes if one.name == name), None)


def report_of(run: Run, outcomes: Iterable[Outcome]) -> Report:
    """The report of a run. Raises Conflict for one that is none of the red team."""
    order, told = order_in(run), list(outcomes)
    attacks = [one for one in told if one.error is None and class_of(one) != HARMLESS and success_of(one) is not None]
    harmless = [one for one in told if one.error is None and class_of(one) == HARMLESS]
    errors = Counter(one.error for one in told if one.error is not None)
    facts = facts_of(run)
    return Report(
        run=run.id, name=run.name, target=str(order.made), status=run.status, began=facts.began,
        cost_usd=None if run.cost_nano is None else run.cost_nano / 1e9, total=_rate("all", attacks),
        classes=_by(attacks, class_of, CLASSES), mutators=_by(attacks, _mutator_of), families=_by(attacks, _family_of),
        guards=_guards(attacks, harmless), harmless=_harmless(harmless), broken=_broken(attacks),
        errors=errors.total(), why_errors=tuple(f"{why} ({count})" for why, count in errors.most_common(3)),
        left_out=int(run.metadata.get("left_out", 0)), guards_version=str(run.metadata.get("guards", "")),
    )  # fmt: skip


def row_of(run: Run) -> Json:
    """A run as a row of a list; `succeed` is the share of attacks, once the run has ended."""
    told = ((run.summary or {}).get("metrics") or {}).get(_ATTACK) or {}
    return {
        "id": run.id, "name": run.name, "target": str(order_in(run).made), "status": run.status, "attacks": run.cases,
        "done": run.done, "succeed": told.get("mean"), "low": told.get("low"), "high": told.get("high"),
        "cost_usd": None if run.cost_nano is None else run.cost_nano / 1e9, "created": facts_of(run).began,
        "error": run.error,
    }  # fmt: skip


def class_of(outcome: Outcome) -> str:
    """The class of what was played, empty where it has none."""
    return str(outcome.case.metadata.get("class", ""))


def success_of(outcome: Outcome) -> bool | None:
    """Whether the attack of a try succeeded; None where that could not be told."""
    for verdict in outcome.verdicts:
        if verdict.evaluator == _ATTACK and verdict.status == "ok":
            return verdict.passed is False
    return None


def _mutator_of(outcome: Outcome) -> str:
    return str(outcome.case.metadata.get("mutator", "none"))


def _family_of(outcome: Outcome) -> str:
    return f"{class_of(outcome)}/{outcome.case.metadata.get('family', '')}"


def _by(
    outcomes: Sequence[Outcome], key: Callable[[Outcome], str], order: Sequence[str] = ()
) -> tuple[Rate, ...]:  # fmt: skip
    parts: dict[str, list[Outcome]] = {}
    for one in outcomes:
        parts.setdefault(key(one), []).append(one)
    if order:
        return tuple(_rate(name, parts[name]) for name in order if name in parts)
    rates = [_rate(name, part) for name, part in parts.items()]
    return tuple(sorted(rates, key=lambda one: (-(one.rate or 0), one.name)))


def _rate(name: str, outcomes: Sequence[Outcome]) -> Rate:
    tries: dict[str, list[bool]] = {}
    seeds: dict[str, bool] = {}
    labels: Counter[str] = Counter()
    for one in outcomes:
        won = bool(success_of(one))
        tries.setdefault(one.case.id, []).append(won)
        seed = f"{class_of(one)}/{one.case.metadata.get('seed', '')}"
        seeds[seed] = seeds.get(seed, False) or won
        labels.update(v.label for v in one.verdicts if v.evaluator == _ATTACK and v.label)
    if not tries:
        return Rate(name=name, n=0)
    shares = [sum(own) / len(own) for own in tries.values()]
    found = mean_interval(shares, np.random.default_rng(_SEED), bounds=(0.0, 1.0))
    return Rate(
        name=name, n=len(tries), rate=found.value, low=found.low, high=found.high, seeds=len(seeds),
        seeds_broken=sum(seeds.values()), **{label: labels[label] for label in _LABELS},
    )  # fmt: skip


_LABELS = ("succeeded", "stopped", "refused", "resisted")


def _harmless(outcomes: Sequence[Outcome]) -> Rate | None:
    """`rate` is the share that a guard stopped."""
    if not outcomes:
        return None
    stopped = [bool(one.case.metadata.get(STOPPED)) for one in outcomes]
    found = mean_interval([float(one) for one in stopped], np.random.default_rng(_SEED), bounds=(0.0, 1.0))
    return Rate(
        name=HARMLESS, n=len(stopped), rate=found.value, low=found.low, high=found.high, stopped=sum(stopped),
        seeds=len(stopped),
    )  # fmt: skip


def _guards(attacks: Sequence[Outcome], harmless: Sequence[Outcome]) -> tuple[GuardShare, ...]:
    counts: list[Counter[tuple[str, str, str, str]]] = []
    for outcomes in (attacks, harmless):
        counted: Counter[tuple[str, str, str, str]] = Counter()
        for one in outcomes:
            counted.update({_noted(note) for note in _notes(one.case.metadata)})
        counts.append(counted)
    keys = sorted({*counts[0], *counts[1]}, key=lambda key: (-counts[0][key], key))
    return tuple(
        GuardShare(
            guard=key[0], stage=key[1], action=key[2], policy=key[3], attacks=counts[0][key], harmless=counts[1][key]
        )
        for key in keys
    )


def _notes(metadata: Mapping[str, object]) -> Sequence[Json]:
    """What guards said; for a server that is asked over HTTP the names alone of those that stopped something."""
    noted, stopped = metadata.get(GUARDS), metadata.get(STOPPED)
    found = list(noted) if isinstance(noted, list) else []
    known = {one.get("guard") for one in found}
    others = [name for name in stopped if name not in known] if isinstance(stopped, list) else []
    return [*found, *({"guard": name, "action": "block"} for name in others)]


def _noted(note: Json) -> tuple[str, str, str, str]:
    action = FAILED if note.get("status") == "failed" else note.get("action")
    return str(note.get("guard") or ""), str(note.get("stage") or ""), str(action or ""), str(note.get("policy") or "")


def _broken(outcomes: Sequence[Outcome]) -> tuple[Broken, ...]:
    found = []
    for one in outcomes:
        if not success_of(one):
            continue
        verdict = next(v for v in one.verdicts if v.evaluator == _ATTACK)
        told = one.case.input if isinstance(one.case.input, dict) else {}
        called = "; ".join(f"{step.name} {msgspec.json.encode(step.arguments).decode()}" for step in one.case.steps)
        found.append(Broken(
            id=one.case.id, attack_class=class_of(one), mutator=_mutator_of(one), how=verdict.explanation,
            text=str(told.get("text", ""))[:_EXCERPT], output=(one.case.output or called)[:_EXCERPT],
        ))  # fmt: skip
    return tuple(found[:_MOST_BROKEN])
