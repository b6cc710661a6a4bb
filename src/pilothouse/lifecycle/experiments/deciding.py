"""What follows from a look: whether an experiment ends, how, and why, in a sentence with its numbers. Pure."""

from collections.abc import Sequence

from pilothouse.lifecycle.experiments.looking import Compared, Look
from pilothouse.prompts.experiments.shape import Experiment, Outcome
from pilothouse.types import Json

__all__ = ["MISMATCH", "breaches", "outcome_of"]

MISMATCH = 0.001
"""The p-value below which the split of units is not what the weights say, and nothing else can be believed."""
_DAY_US = 86_400_000_000


def outcome_of(experiment: Experiment, look: Look) -> Outcome | None:
    """How the experiment ends by this look; None where it goes on."""
    if look.mismatch < MISMATCH:
        return _mismatch(experiment, look)
    if experiment.act.guardrail == "rollback" and (broken := breaches(look)):
        return _ended(experiment, "breach", experiment.control.name, _of_breach(experiment, broken[0]), broken)
    ready = [one for one in look.of("primary") if one.ready and one.low is not None and one.high is not None]
    if won := [one for one in ready if _wins(experiment, one) and _within_guardrails(look, one.arm)]:
        best = max(won, key=lambda one: _gain(experiment, one))
        return _ended(experiment, "won", best.arm, _of_win(experiment, best), ready)
    if len(ready) == len(experiment.treatments) and all(_hopeless(experiment, one) for one in ready):
        lost = all(_loses(experiment, one) for one in ready)
        kind, sentence = ("lost", _of_loss) if lost else ("small", _of_little)
        reason = " ".join(sentence(experiment, one) for one in ready)
        return _ended(experiment, kind, experiment.control.name, reason, ready)
    started = experiment.started_us
    if started is not None and look.at_us - started >= experiment.max_days * _DAY_US:
        reason = f"After {experiment.max_days:g} days there is no decision. " + " ".join(
            _figures(experiment, one) for one in look.of("primary")
        )
        return _ended(experiment, "expired", experiment.control.name, reason, look.of("primary"))
    return None


def breaches(look: Look) -> list[Compared]:
    """The guardrails that are broken for certain, the worst first."""
    broken = [one for one in look.of("guardrail") if one.ready and one.beyond_low is not None and one.beyond_low > 0]
    return sorted(broken, key=lambda one: one.p or 0.0)


def _gain(experiment: Experiment, one: Compared) -> float:
    difference = one.difference or 0.0
    return -difference if experiment.lower else difference


def _surely(experiment: Experiment, one: Compared) -> tuple[float, float]:
    """The gain at least and at most."""
    assert one.low is not None
    assert one.high is not None
    return (-one.high, -one.low) if experiment.lower else (one.low, one.high)


def _wins(experiment: Experiment, one: Compared) -> bool:
    return _surely(experiment, one)[0] > 0 and (one.beyond is None or one.beyond >= 0)


def _within_guardrails(look: Look, arm: str) -> bool:
    """Whether each guardrail of the arm can be told, and holds as far as is seen."""
    mine = [one for one in look.of("guardrail") if one.arm == arm]
    return all(one.ready and one.beyond is not None and one.beyond <= 0 for one in mine)


def _loses(experiment: Experiment, one: Compared) -> bool:
    return _surely(experiment, one)[1] < 0


def _hopeless(experiment: Experiment, one: Compared) -> bool:
    return _loses(experiment, one) or (one.beyond_high is not None and one.beyond_high < 0)


def _ended(experiment: Experiment, kind: str, arm: str, reason: str, shown: Sequence[Compared]) -> Outcome:
    rollout = kind == "won" and experiment.act.win == "rollout"
    if kind == "won" and not rollout:
        reason += " Nothing was changed: `act.win` says to tell."
    return Outcome.model_validate({
        "kind": kind, "arm": arm, "reason": reason, "action": "rollout" if rollout else "", "due": rollout,
        "numbers": {"compared": [_numbers(one) for one in shown], "alpha": experiment.alpha},
    })  # fmt: skip


def _numbers(one: Compared) -> Json:
    names = ("metric", "arm", "units", "control", "value", "difference", "low", "high", "p", "beyond_low")
    return {name: found for name in names if (found := getattr(one, name)) is not None}


def _mismatch(experiment: Experiment, look: Look) -> Outcome:
    total = sum(arm.units for arm in look.arms) or 1
    seen = ", ".join(
        f"'{arm.name}' {arm.units} units ({arm.units / total:.1%}, meant {arm.share:.1%})" for arm in look.arms
    )
    reason = (
        f"The units are not split as they were meant to be (p = {look.mismatch:.2g} < {MISMATCH}): {seen}. Calls of an "
        f"arm get lost or come twice, so no comparison can be believed. All calls get the control again."
    )
    numbers = {"mismatch": look.mismatch, "units": {arm.name: arm.units for arm in look.arms}}
    return Outcome(kind="mismatch", arm=experiment.control.name, reason=reason, numbers=numbers)


def _of_breach(experiment: Experiment, one: Compared) -> str:
    rail = next(rail for rail in experiment.guardrails if rail.metric == one.metric)
    allowed = f" by more than {rail.worse_by}" if rail.worse_by else ""
    return f"Guardrail: {one.metric} of '{one.arm}' is worse than the control's{allowed}. {_figures(experiment, one)}"


def _of_win(experiment: Experiment, one: Compared) -> str:
    return f"'{one.arm}' is better in {one.metric}. {_figures(experiment, one)}"


def _of_loss(experiment: Experiment, one: Compared) -> str:
    return f"'{one.arm}' is worse in {one.metric}. {_figures(experiment, one)}"


def _of_little(experiment: Experiment, one: Compared) -> str:
    if _loses(experiment, one):
        return _of_loss(experiment, one)
    return (
        f"'{one.arm}' is not better in {one.metric} by the {experiment.minimum_effect} that were asked for. "
        f"{_figures(experiment, one)}"
    )


def _figures(experiment: Experiment, one: Compared) -> str:
    """The numbers of a comparison, for people."""
    if one.difference is None or one.low is None or one.high is None or one.value is None or one.control is None:
        return f"'{one.arm}': too few units ({one.units[0]} of the control, {one.units[1]} of it)."
    level = 1 - experiment.alpha / len(experiment.treatments)
    return (
        f"{one.value:.4g} over {one.units[1]} units beside {one.control:.4g} over {one.units[0]}: a difference of "
        f"{one.difference:+.4g}, between {one.low:+.4g} and {one.high:+.4g} at every look with {level:.1%}"
        f"{'' if one.p is None else f' (p = {one.p:.2g})'}."
    )
