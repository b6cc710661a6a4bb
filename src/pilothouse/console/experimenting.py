"""An experiment as pages show it: what was compared with its intervals, over time, and forms that describe one."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from pilothouse.console.evaluating import Bar, bar
from pilothouse.console.forms import Fields, stated
from pilothouse.console.plots import Spread, intervals
from pilothouse.console.units import MONEY, ROUGHLY, SCORE, SHARE, TIME, Unit, signed
from pilothouse.errors import InvalidRequest
from pilothouse.lifecycle.experiments.looking import Compared, Look
from pilothouse.prompts.experiments.shape import Design, Experiment, Margin
from pilothouse.types import Json

__all__ = ["ARMS", "Comparison", "chart_of", "comparisons", "design_of", "fields_of_design", "waits_for"]

ARMS = 4
"""Rows of arms that the form has."""

_UNITS: dict[str, tuple[Unit, float]] = {
    "cost": (MONEY, 1e9), "latency": (TIME, 1e6), "tokens": (ROUGHLY, 1.0), "errors": (SHARE, 1.0),
    "refusals": (SHARE, 1.0), "guards": (SHARE, 1.0),
}  # fmt: skip
_DAY_US = 86_400_000_000
_WORTH = {"better": "ok", "worse": "error", "broken": "error", "holds": "ok"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """A metric of an arm beside the control's, in words; `verdict` says what can be told of it, in the colour
    `tone`."""

    told: Compared
    control: str
    value: str
    difference: str
    low: str
    high: str
    bar: Bar | None
    verdict: str

    @property
    def tone(self) -> str:
        """A class of the style sheet."""
        return _WORTH.get(self.verdict, "")


def comparisons(experiment: Experiment, look: Look) -> list[Comparison]:
    """All that a look compared, the primary metric first."""
    return [_comparison(experiment, one) for one in look.compared]


def chart_of(experiment: Experiment, looks: Sequence[Look], metric: str, arm: str) -> Markup:
    """The difference of an arm from the control in a metric, over the looks; nothing while there is none."""
    unit, scale = _unit(metric)
    found = [(look.at_us, one) for look in looks for one in look.compared if (one.metric, one.arm) == (metric, arm)]
    spreads = [
        Spread(at_us, one.low * scale, one.difference * scale, one.high * scale)
        for at_us, one in found
        if one.low is not None and one.difference is not None and one.high is not None
    ]
    title = f"How much more {metric} '{arm}' has than the control, by time"
    return intervals(title, spreads, signed(unit), [("no difference", 0.0), *_mark(experiment, metric, found, scale)])


def waits_for(experiment: Experiment, look: Look | None, now_us: int) -> list[str]:
    """What a running experiment has so far of what it decides from, in sentences."""
    least = min((arm.units for arm in look.arms), default=0) if look else 0
    told = f"The smallest arm has {least:,} of the {experiment.minimum_units:,} {experiment.unit}s that it decides from"
    if least >= experiment.minimum_units:
        told = f"Every arm has the {experiment.minimum_units:,} {experiment.unit}s that it decides from"
    days = max(0.0, (now_us - (experiment.started_us or now_us)) / _DAY_US)
    return [f"{told}.", f"Day {int(days) + 1:,} of at most {experiment.max_days:g}."]


def design_of(form: Fields) -> Design:
    """The design that a form says. Raises InvalidRequest with every problem, each with its field."""
    if form.get("as") == "json":
        try:
            given = json.loads(form.raw("whole"))
        except (ValueError, RecursionError) as error:
            raise InvalidRequest(f"This is no JSON: {error}.") from None
        return stated(Design, given)
    target = {"prompt": form.get("prompt"), "label": form.get("label") or "production"}
    values: Json = {
        "name": form.get("name"), "description": form.get("description"), "arms": _arms(form),
        "target": target if form.get("prompt") else {"model": form.get("model")}, "primary": form.get("primary"),
        "metrics": form.words("metrics"), "guardrails": _guardrails(form.get("guardrails")),
        "act": {"win": form.get("win") or "tell", "guardrail": form.get("guardrail") or "rollback"},
    }  # fmt: skip
    plain = ("unit", "layer", "direction", "allocation", "alpha", "minimum_units", "max_days")
    values |= {name: form.get(name) for name in plain if form.get(name)}
    values |= {name: _share(form.get(name), name) for name in ("share", "holdout") if form.get(name)}
    if effect := form.get("minimum_effect"):
        values["minimum_effect"] = _margin(effect)
    return stated(Design, values)


def fields_of_design(prompt: str = "", version: str = "") -> Fields:
    """The form as it is shown first, for a version of a prompt where one is named."""
    return Fields({
        "prompt": [prompt], "label": ["production"], "arm_name": ["control", "new"], "arm_version": ["", version],
        "arm_model": ["", ""], "arm_weight": ["1", "1"], "unit": ["user"], "share": ["100"], "alpha": ["0.05"],
        "minimum_units": ["100"], "max_days": ["30"], "primary": ["feedback"], "guardrails": ["errors 0.02\ncost 10%"],
    })  # fmt: skip


# ---- parts


def _comparison(experiment: Experiment, one: Compared) -> Comparison:
    unit, scale = _unit(one.metric)
    beside = signed(unit)

    def told(value: float | None, how: Unit) -> str:
        return "" if value is None else how.whole(value * scale)

    furthest = max(abs(one.low or 0.0), abs(one.high or 0.0)) or 1.0
    return Comparison(
        one, told(one.control, unit), told(one.value, unit), told(one.difference, beside), told(one.low, beside),
        told(one.high, beside), bar(one.low, one.difference, one.high, (-furthest, furthest)),
        _guarded(one) if one.role == "guardrail" else _verdict(experiment, one),
    )  # fmt: skip


def _verdict(experiment: Experiment, one: Compared) -> str:
    if one.low is None or one.high is None:
        return "too few units"
    lower = experiment.lower if one.role == "primary" else None
    if one.low <= 0 <= one.high:
        return "not told apart"
    if lower is None:
        return "more" if one.low > 0 else "less"
    return "better" if (one.high < 0) == lower else "worse"


def _guarded(one: Compared) -> str:
    if one.beyond is None or not one.ready:
        return "too few units"
    if one.beyond_low is not None and one.beyond_low > 0:
        return "broken"
    return "holds" if one.beyond <= 0 else "worse so far"


def _unit(metric: str) -> tuple[Unit, float]:
    """How values of a metric are written, and by what they are multiplied for that."""
    return _UNITS.get(metric, (SCORE, 1.0))


def _mark(
    experiment: Experiment, metric: str, found: Sequence[tuple[int, Compared]], scale: float
) -> list[tuple[str, float]]:  # fmt: skip
    """The level that counts: what is wanted of the primary metric, or what a guardrail allows."""
    control = next((one.control for _, one in reversed(found) if one.control is not None), None)
    rail = next((one for one in experiment.guardrails if one.metric == metric), None)
    if metric == experiment.primary:
        margin, sign, name = Margin.of(experiment.minimum_effect), -1 if experiment.lower else 1, "wanted"
    elif rail is not None:
        margin, sign, name = Margin.of(rail.worse_by), 1 if rail.lower else -1, "allowed"
    else:
        return []
    amount = margin.amount * control if margin.relative and control is not None else margin.amount
    return [(name, sign * amount * scale)] if amount and (control is not None or not margin.relative) else []


def _arms(form: Fields) -> list[Json]:
    names = ("arm_name", "arm_version", "arm_model", "arm_weight")
    arms = []
    for name, version, model, weight in zip(*(form.all(one) for one in names), strict=False):
        if name:
            given = {"version": version, "model": model, "weight": weight}
            arms.append({"name": name, **{key: value for key, value in given.items() if value}})
    return arms


def _guardrails(text: str) -> list[Json]:
    """A line for each: the metric, and by how much it may be worse."""
    found = []
    for line in filter(str.strip, text.splitlines()):
        metric, _, allowed = line.strip().rpartition(" ")
        found.append({"metric": metric, "worse_by": _margin(allowed)} if metric else {"metric": line.strip()})
    return found


def _margin(text: str) -> float | str:
    return float(text) if re.fullmatch(r"[+-]?[0-9.]+(e-?[0-9]{1,2})?", text) and text.count(".") < 2 else text


def _share(text: str, name: str) -> float:
    try:
        return round(float(text.removesuffix("%")) / 100, 6)
    except ValueError:
        raise InvalidRequest(f"{name}: must be a number of percent, from 0 to 100.", param=name) from None
