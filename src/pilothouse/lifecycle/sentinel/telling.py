"""What is said of a deployment that answers otherwise than before. Plain functions."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from pilothouse.alerts.book import Noticed
from pilothouse.alerts.evaluator import channels_for
from pilothouse.lifecycle.sentinel.course import Change, Difference, Example
from pilothouse.monitoring import AlertsConfig

__all__ = ["SENTINEL_RULE", "noticed", "sentence", "when"]

SENTINEL_RULE = "sentinel"
"""The rule by which alerts of the sentinel go; its subject is the deployment."""

_WORDS = {
    "agreement": "answers that say something else", "meaning": "distance in meaning", "length": "length of answers",
    "refusals": "share of refusals", "fingerprint": "answers with an unknown system_fingerprint",
    "latency": "time to answer",
}  # fmt: skip
_TOLD = 3
_EXAMPLES = 2
_SHOWN = 160
_LARGE = 0.1  # of a figure that is not watched


def noticed(
    deployment: str, change: Change, runs: int, config: AlertsConfig, limit: float, examples: Sequence[Example], *,
    texts: bool,
) -> Noticed:  # fmt: skip
    """The alert. With `texts` it shows the examples: not where the prompts are items of a dataset, which may hold
    what people asked."""
    told = [f"{deployment} answers otherwise since {when(change.since_us)} (UTC).", sentence(change)]
    if texts:
        told += [
            f"'{one.prompt}': before \N{LEFT DOUBLE QUOTATION MARK}{_cut(one.before)}\N{RIGHT DOUBLE QUOTATION MARK}, "
            f"now \N{LEFT DOUBLE QUOTATION MARK}{_cut(one.now)}\N{RIGHT DOUBLE QUOTATION MARK}."
            for one in examples[:_EXAMPLES]
        ]
    elif examples:
        told.append(f"Answered otherwise, among others: {', '.join(one.prompt for one in examples)}.")
    return Noticed(
        SENTINEL_RULE, deployment, "warning", " ".join(told), "/console/evals/sentinel", min(change.evidence, 1e15),
        limit, runs, channels_for(SENTINEL_RULE, config),
    )  # fmt: skip


def sentence(change: Change) -> str:
    """What differs, the most telling first."""
    parts = [_difference(one) for one in change.differences if _stands_out(one)][:_TOLD]
    if change.models:
        before, now = change.models
        parts.insert(0, f"the model that answers is {', '.join(now)}, not {', '.join(before) or 'named before'}")
    if change.fingerprints:
        parts.append(f"system_fingerprint {', '.join(change.fingerprints[1]) or 'none'}")
    return f"What differs: {'; '.join(parts)}." if parts else "No single figure stands out."


def when(at_us: int) -> str:
    """A time to the minute, UTC."""
    return datetime.fromtimestamp(at_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M")


def _stands_out(one: Difference) -> bool:
    return one.since > one.before and (one.evidence >= 1 or one.since - one.before > _LARGE)


def _difference(one: Difference) -> str:
    words = _WORDS.get(one.figure) or f"score {one.figure.removeprefix('evaluator ')}"
    if one.figure in ("agreement", "fingerprint"):
        return f"{words} {one.since:.0%} (before {one.before:.0%})"
    if one.figure in ("length", "latency"):
        return f"{words} off by a factor of {math.exp(one.since):.2f} (before {math.exp(one.before):.2f})"
    return f"{words} off by {one.since:.3f} (before {one.before:.3f})"


def _cut(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= _SHOWN else f"{plain[:_SHOWN]}\N{HORIZONTAL ELLIPSIS}"
