"""The rules that hold: the built-in ones, as the configuration changes them, and those that it adds.

Knows nothing of figures.
"""

from dataclasses import dataclass

from pilothouse.monitoring import BUILT_IN, AlertRule, AlertsConfig, Measure, RuleKind, Severity

__all__ = ["Rule", "rules_of"]

_NANO = 1_000_000_000
_Z = 5.0
_INPUTS = 0.06  # about a seventh of the questions being of another kind (benchmarks/observe/drift.py)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with nothing left out. `hours` is its window, the hour that runs included; drift looks at whole days.

    `threshold` and `clear` are shares; of latency microseconds; of anomalies robust z-scores; of drift its effect.
    `minimum` is how many samples a window needs, `minimum_nano` by how much spend must differ.
    """

    name: str
    kind: RuleKind
    by: str
    measure: Measure
    threshold: float
    clear: float
    hours: int
    minimum: int
    minimum_nano: int
    evaluations: int
    severity: Severity
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Usual:
    """What rules of a kind have where they say nothing else; `clear` is a share of the threshold."""

    measure: Measure
    threshold: float
    clear: float
    hours: int
    minimum: int


_USUAL: dict[RuleKind, _Usual] = {
    "spend": _Usual("cost", 0.20, 0.5, 6, 50),
    "latency": _Usual("latency", 30.0, 0.8, 2, 50),
    "score": _Usual("score", 0.10, 0.5, 6, 30),
    "errors": _Usual("requests", 0.05, 0.6, 2, 50),
    "tokens": _Usual("tokens", 0.30, 0.5, 6, 200),
    "anomaly": _Usual("latency", _Z, 0.5, 3, 50),
    "drift": _Usual("inputs", _INPUTS, 0.5, 24, 100),
}
_OUTPUTS = 0.25
"""By how much outputs must have drifted: a PSI that scorecards have long been made anew at (Siddiqi, "Credit Risk
Scorecards", 2006)."""


def rules_of(config: AlertsConfig) -> list[Rule]:
    """Those that are on, the built-in ones first."""
    if not config.enabled:
        return []
    stated = {**BUILT_IN, **{name: _over(BUILT_IN.get(name), rule) for name, rule in config.rules.items()}}
    return [_whole(name, rule) for name, rule in stated.items() if rule.enabled]


def _over(base: AlertRule | None, rule: AlertRule) -> AlertRule:
    """`rule`, and what it leaves out from `base`."""
    if base is None:
        return rule
    said = {name: getattr(rule, name) for name in rule.model_fields_set}
    return base.model_copy(update={name: value for name, value in said.items() if value is not None})


def _whole(name: str, rule: AlertRule) -> Rule:
    assert rule.kind is not None
    usual = _USUAL[rule.kind]
    own = _OUTPUTS if rule.measure == "outputs" else usual.threshold
    threshold = own if rule.threshold is None else rule.threshold
    scale = 1e6 if rule.kind == "latency" else 1.0
    return Rule(
        name=name,
        kind=rule.kind,
        by=rule.by,
        measure=rule.measure or usual.measure,
        threshold=threshold * scale,
        clear=(threshold * usual.clear if rule.clear is None else rule.clear) * scale,
        hours=rule.hours or usual.hours,
        minimum=rule.minimum or usual.minimum,
        minimum_nano=round((1.0 if rule.minimum_usd is None else rule.minimum_usd) * _NANO),
        evaluations=rule.evaluations,
        severity=rule.severity,
        channels=tuple(rule.channels),
    )
