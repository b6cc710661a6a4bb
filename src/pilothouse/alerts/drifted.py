"""Holds the newest day that was compared with those before it against a rule of drift. Knows nothing of how it was.

Three things are asked for: that chance hardly gives as much, that the drift is large, and that it is larger than what
ordinary days stray by themselves. Questions of one day have something in common, so that chance alone would call most
days different.
"""

from collections.abc import Mapping

from pilothouse.alerts.judge import Reading
from pilothouse.alerts.rules import Rule
from pilothouse.observe.topics.drifts import DayDrift, Drifts

__all__ = ["DAY_US", "drifted", "judge_drift"]

DAY_US = 86_400_000_000

_CHANCE = 0.001  # that a drift may have at most
_NONE = 0.05  # from which on there is none
_BEYOND = 1.5  # times the furthest ordinary day
_CURRENT = 2  # days: until the next one is compared, the one before the last is the newest
_NOUNS = {
    "questions": "Questions", "output_tokens": "Tokens per answer", "latency": "Latency", "outcome": "How requests end",
}  # fmt: skip


def drifted(drifts: Drifts, rule: Rule, project: str, now_us: int) -> Mapping[str, DayDrift]:
    """The newest comparisons that the rule looks at, by subject: inputs have none, outputs what was measured."""
    today, wanted = now_us // DAY_US, "input" if rule.measure == "inputs" else "output"
    found: dict[str, DayDrift] = {}
    for one in drifts.between(project, today - _CURRENT, today - 1):
        if one.kind == wanted:
            found.setdefault("" if one.kind == "input" else one.measure, one)
    return found


def judge_drift(rule: Rule, found: DayDrift) -> Reading | None:
    """The reading, or None where there are too few samples. What has changed for good stays an alert until most of the
    days before are like it."""
    if found.samples < rule.minimum:
        return None
    passed = found.p <= _CHANCE and found.effect > rule.threshold and found.effect > _BEYOND * found.furthest
    below = found.p > _NONE or found.effect < max(rule.clear, found.usual)
    noun = _NOUNS.get(found.measure, f"The {found.measure}")
    far = f"{found.effect:.2f} standard deviations off" if found.kind == "input" else f"a PSI of {found.effect:.2f}"
    text = (
        f"{noun} on {found.date} (UTC) against the {found.days} days before: {far}, ordinary days up to "
        f"{found.furthest:.2f} (p = {found.p:.2g}; {found.samples:,} against {found.earlier:,})."
    )
    limit, about = max(rule.threshold, _BEYOND * found.furthest), (found.day * DAY_US, (found.day + 1) * DAY_US)
    return Reading(found.effect, limit, passed, below, found.samples, text, about)
