"""Online scoring as one argument: what other rooms ask it, and the work it does while a server runs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pilothouse.ids import now_us
from pilothouse.lifecycle.paying import Payers, account_of
from pilothouse.lifecycle.scoring.queue import Queue
from pilothouse.lifecycle.scoring.rules import Rules
from pilothouse.lifecycle.scoring.scorer import Scorer, Tools, purpose_of
from pilothouse.lifecycle.scoring.tallies import OUTCOMES, Tallies, Tally
from pilothouse.observe import Metrics
from pilothouse.observe.traces import Traces
from pilothouse.scoring import EvalsConfig
from pilothouse.storage import Store
from pilothouse.storage.turns import Turn
from pilothouse.types import Json

__all__ = ["Scoring", "open_scoring", "rule_states"]

_TURN = 60.0  # seconds
_DAY_US = 86_400_000_000
_ERRORS = 10


@dataclass(frozen=True, slots=True)
class Scoring:
    """`queue` takes spans as they are written, `scorer` works it off; `states` are those of the rules (rule_states)."""

    queue: Queue
    tallies: Tallies
    scorer: Scorer
    payers: Payers
    states: Callable[[str, int], list[Json]]


def open_scoring(
    store: Store, traces: Traces, tools: Tools, metrics: Metrics,
    config: Callable[[], EvalsConfig], clock: Callable[[], int] = now_us,
) -> Scoring:  # fmt: skip
    """The rooms over these databases."""
    rules = Rules(config, clock)
    queue = Queue(store.observe, rules.on, clock)
    counter = metrics.counter(
        "pilothouse_online_verdicts", "What became of sampled traces.", ["rule", "evaluator", "outcome"]
    )
    tallies = Tallies(store.observe, clock, lambda *about: counter.labels(*about).inc())
    turn = Turn(store.control, "scoring", seconds=_TURN, clock=clock)
    scorer = Scorer(traces, rules, queue, tallies, tools, turn, clock)
    states = lambda project, days: rule_states(store, tools.payers, config(), project, days)  # noqa: E731
    return Scoring(queue, tallies, scorer, tools.payers, states)


def rule_states(
    store: Store, payers: Payers, config: EvalsConfig, project: str, days: int = 7, at_us: int | None = None
) -> list[Json]:
    """Each rule, in this project: its counts of today and of `days`, how many traces wait, what its judges cost today
    in all projects (nano-USD) of how much, and the newest reasons for what could not be told. Blocks."""
    now = now_us() if at_us is None else at_us
    rules = config.online
    tallies = Tallies(store.observe, lambda: now).since(days, project)
    waiting = Queue(store.observe, lambda: rules).waiting()
    spent = dict(zip(rules, payers.spent([purpose_of(name) for name in rules], now), strict=True))
    return [
        {
            "name": name,
            **rule.model_dump(mode="json"),
            "account": account_of(purpose_of(name)),
            "waiting": waiting.get((project, name), 0),
            "spent_nano": spent[name],
            "budget_nano": int(rule.usd_per_day.scaleb(9)),
            "today": _counts([t for t in tallies if t.rule == name and t.day == now // _DAY_US]),
            "days": days,
            "counts": _counts([tally for tally in tallies if tally.rule == name]),
            "reasons": _reasons([tally for tally in tallies if tally.rule == name]),
        }
        for name, rule in rules.items()
    ]


def _counts(tallies: list[Tally]) -> dict[str, int]:
    return {outcome: sum(tally.count for tally in tallies if tally.outcome == outcome) for outcome in OUTCOMES}


def _reasons(tallies: list[Tally]) -> list[dict[str, Any]]:
    noted = sorted((tally for tally in tallies if tally.note), key=lambda tally: -tally.noted_us)
    return [
        {"at_us": t.noted_us, "evaluator": t.evaluator, "outcome": t.outcome, "count": t.count, "reason": t.note}
        for t in noted[:_ERRORS]
    ]
