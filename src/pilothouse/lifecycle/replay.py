"""Recorded traffic through another configuration: what would change in cost, latency, cache hits and refusals.

A simulation: no provider is called, and the recorded tokens stand for those of any model. What cannot be judged so is
counted, not guessed. Knows nothing of files and terminals.
"""

import random
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pilothouse.call import Span
from pilothouse.config import Config, ModelConfig
from pilothouse.gateway.routing.router import Choose
from pilothouse.lifecycle.latencies import Latencies
from pilothouse.lifecycle.simulate import Outcome, Simulation
from pilothouse.lifecycle.traffic import Traffic
from pilothouse.principal import Principal
from pilothouse.protocols import Encode, Progress
from pilothouse.types import Json

__all__ = ["Report", "Side", "replay"]

_MOST_MOVES = 20
_EVERY = 500
_REFUSED = ("rate_limit_exceeded", "insufficient_quota", "limit_exceeded")
_CACHED = "cache"
_HITS = ("exact", "semantic", "coalesced")


@dataclass(slots=True)
class Side:
    """One side of the comparison. Money in nano-USD, times in microseconds."""

    cost_nano: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    latencies: "array[int]" = field(default_factory=lambda: array("q"))
    first_tokens: "array[int]" = field(default_factory=lambda: array("q"))

    def to_json(self) -> Json:
        whole, first = sorted(self.latencies), sorted(self.first_tokens)
        return {
            "cost_nano": self.cost_nano,
            "cache_hits": dict(sorted(self.hits.items())),
            "latency_ms": {"p50": _quantile(whole, 0.5), "p95": _quantile(whole, 0.95), "calls": len(whole)},
            "ttft_ms": {"p50": _quantile(first, 0.5), "p95": _quantile(first, 0.95), "calls": len(first)},
        }


@dataclass(slots=True)
class Report:
    """What a replay found. `before` and `after` compare the same calls: costs those priced on both sides (`priced`),
    latencies those known on both. `not_judged` counts what could not be told, by reason; `not_simulated` says what of
    the configuration plays no part. `refused_nano` is what the refused calls had cost."""

    since_us: int
    until_us: int
    calls: int = 0
    priced: int = 0
    before: Side = field(default_factory=Side)
    after: Side = field(default_factory=Side)
    refused: Counter[str] = field(default_factory=Counter)
    refused_nano: int = 0
    shadow_hits: int = 0
    cut: int = 0
    moved: Counter[tuple[str, str]] = field(default_factory=Counter)
    not_judged: Counter[str] = field(default_factory=Counter)
    not_simulated: list[str] = field(default_factory=list)

    def to_json(self) -> Json:
        """Everything, with the twenty commonest moves from one deployment to another."""
        moves = sorted(self.moved.items(), key=lambda item: (-item[1], item[0]))[:_MOST_MOVES]
        return {
            "since_us": self.since_us,
            "until_us": self.until_us,
            "calls": self.calls,
            "priced": self.priced,
            "before": self.before.to_json(),
            "after": self.after.to_json(),
            "refused": dict(sorted(self.refused.items())),
            "refused_cost_nano": self.refused_nano,
            "shadow_hits": self.shadow_hits,
            "answers_cut": self.cut,
            "moved": [{"from": old, "to": new, "calls": count} for (old, new), count in moves],
            "not_judged": dict(sorted(self.not_judged.items())),
            "not_simulated": self.not_simulated,
        }


async def replay(
    traffic: Traffic,
    config: Config,
    since_us: int,
    until_us: int,
    *,
    limit: int | None = None,
    seed: int = 0,
    principal_of: Callable[[str], Principal | None] = lambda key_id: None,
    encode: Encode | None = None,
    choose: Choose | None = None,
    progress: Progress | None = None,
) -> Report:
    """Replay the calls that began in this time (UTC microseconds) through `config`; the same input gives the same
    report. `limit` takes the newest so many traces. See Simulation for the rest.

    Reads the time twice: once for how long deployments took, once to simulate.
    """
    if limit is not None:
        since_us = traffic.start_of(limit, since_us, until_us)
    latencies, total = Latencies(random.Random(seed)), 0
    for span in traffic.calls(since_us, until_us, payload=False):
        latencies.add(span)
        total += 1
    simulation = Simulation(config, latencies, seed=seed, principal_of=principal_of, encode=encode, choose=choose)
    report = Report(since_us, until_us, not_simulated=list(_not_simulated(config, encode is not None)))
    for span in traffic.calls(since_us, until_us):
        if progress is not None and report.calls % _EVERY == 0:
            progress(report.calls, total, "Replaying calls")
        report.calls += 1
        if span.status == "error":
            reason = "refused when recorded" if span.error_code in _REFUSED else "failed when recorded"
            report.not_judged[reason] += 1
            continue
        _count(report, span, await simulation.step(span))
    return report


def _count(report: Report, span: Span, outcome: Outcome) -> None:
    was_hit = span.attributes.get(_CACHED)
    hit_before = was_hit if was_hit in _HITS else None
    if hit_before is not None:
        report.before.hits[str(hit_before)] += 1
    if not span.input:
        report.not_judged["caches: no payload was recorded"] += 1
    if outcome.undecided:
        report.not_judged["difficulty: taken for complex"] += 1
    if outcome.refused is not None:
        report.refused[outcome.refused] += 1
        report.refused_nano += span.cost_nano or 0
        return
    report.cut += outcome.cut
    served = outcome.hit in ("exact", "semantic")
    if served:
        report.after.hits[str(outcome.hit)] += 1
    report.shadow_hits += outcome.hit == "shadow"
    if not served and not hit_before and outcome.deployment != span.deployment:
        report.moved[span.deployment or "(unknown)", outcome.deployment or "(unknown)"] += 1
    _count_cost(report, span, outcome, hit_before is not None)
    if outcome.took is None:
        report.not_judged["latency: nothing recorded of the deployment"] += 1
        return
    report.before.latencies.append(span.duration_us)
    report.after.latencies.append(outcome.took.whole_us)
    if span.ttft_us is not None and outcome.took.first_us is not None:
        report.before.first_tokens.append(span.ttft_us)
        report.after.first_tokens.append(outcome.took.first_us)


def _count_cost(report: Report, span: Span, outcome: Outcome, was_hit: bool) -> None:
    before = 0 if was_hit else span.cost_nano
    if before is None or outcome.cost_nano is None:
        if span.usage is None:
            report.not_judged["cost: no usage was recorded"] += 1
        else:
            side = "as recorded" if before is None else "of the new deployment"
            report.not_judged[f"cost: unknown price {side}"] += 1
        return
    report.priced += 1
    report.before.cost_nano += before
    report.after.cost_nano += outcome.cost_nano


def _not_simulated(config: Config, semantic: bool) -> Iterator[str]:
    """What of a configuration changes cost or answers, and plays no part here."""
    told: dict[str, Callable[[ModelConfig], bool]] = {
        "hedge": lambda model: model.hedge is not None,
        "shadow": lambda model: model.shadow is not None,
        "output.brief": lambda model: model.output.brief,
        "shaping": lambda m: m.shaping.extractive is not None or m.shaping.context_tokens is not None,
        "shaping.prefix": lambda model: model.shaping.prefix,
        "semantic_cache (ask for it)": lambda model: not semantic and model.semantic_cache is not None,
        "conditions on metadata that came in a header (it is not recorded)": _reads_metadata,
    }
    for name, applies in told.items():
        aliases = [alias for alias, model in config.models.items() if applies(model)]
        if aliases:
            yield f"{name}: {', '.join(aliases)}"
    yield "failures of providers, retries and circuit breakers: no provider is asked"


def _reads_metadata(model: ModelConfig) -> bool:
    conditions = [*(rule.when for rule in model.rules), *(d.when for d in model.deployments if d.when is not None)]
    return any(condition.metadata for condition in conditions)


def _quantile(ordered: list[int], share: float) -> float | None:
    """In milliseconds; the nearest rank."""
    if not ordered:
        return None
    return ordered[max(0, -(-len(ordered) * int(share * 100) // 100) - 1)] / 1000
