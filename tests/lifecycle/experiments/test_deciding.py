from typing import Any

import pytest

from pilothouse.lifecycle.experiments.deciding import breaches, outcome_of
from pilothouse.prompts.experiments.shape import Outcome

from .test_looking import EVEN, look, share
from .test_observations import experiment

DAY = 86_400_000_000
BEFORE = share(200, 400)


def outcome(primary: tuple[Any, ...], *, days: float = 1, **changes: Any) -> Outcome | None:
    """Of a score of the arms' units."""
    metrics = changes.pop("metrics_seen", {})
    one = experiment(**{**EVEN, "primary": "score:x", "started_us": 0, **changes})
    return outcome_of(one, look(one, int(days * DAY), score_x=primary, **metrics))


def test_a_winner_is_named_with_its_numbers() -> None:
    found = outcome((BEFORE, share(320, 400)), act={"win": "rollout"})
    assert found is not None
    assert (found.kind, found.arm, found.action, found.due) == ("won", "v3", "rollout", True)
    assert found.reason.startswith("'v3' is better in score:x. 0.8 over 400 units beside 0.5 over 400: a difference of")
    assert found.numbers["compared"][0]["difference"] == pytest.approx(0.3)
    told = outcome((BEFORE, share(320, 400)))
    assert told is not None
    assert (told.kind, told.action, told.due) == ("won", "", False)
    assert told.reason.endswith("`act.win` says to tell.")


def test_nothing_is_decided_while_it_is_open_nor_before_there_are_enough_units() -> None:
    assert outcome((BEFORE, share(210, 400))) is None
    assert outcome((BEFORE, share(400, 400)), minimum_units=401) is None
    assert outcome(([], [])) is None


def test_a_loser_leaves_the_control_and_less_is_better_where_it_is() -> None:
    lost = outcome((BEFORE, share(80, 400)))
    assert lost is not None
    assert (lost.kind, lost.arm, lost.due) == ("lost", "control", False)
    lower = outcome((BEFORE, share(80, 400)), direction="lower")
    assert lower is not None
    assert (lower.kind, lower.arm) == ("won", "v3")


def test_a_gain_below_the_minimum_effect_is_none() -> None:
    many = share(5000, 10_000)
    assert outcome((many, share(5400, 10_000)), minimum_effect=0.06) is None
    small = outcome((many, share(5300, 10_000)), minimum_effect="20%")
    assert small is not None
    assert (small.kind, small.arm) == ("small", "control")
    assert "is not better in score:x by the 20% that were asked for" in small.reason


def test_a_guardrail_breaks_before_anything_is_won() -> None:
    seen = {"errors": (share(4, 400), share(80, 400))}
    rails = [{"metric": "errors", "worse_by": 0.05}]
    breach = outcome((BEFORE, share(320, 400)), guardrails=rails, metrics_seen=seen)
    assert breach is not None
    assert (breach.kind, breach.arm) == ("breach", "control")
    assert breach.reason.startswith("Guardrail: errors of 'v3' is worse than the control's by more than 0.05.")
    assert outcome((BEFORE, BEFORE), guardrails=rails, metrics_seen=seen, act={"guardrail": "tell"}) is None
    one = experiment(**EVEN, primary="score:x", guardrails=rails)
    assert [broken.arm for broken in breaches(look(one, score_x=(BEFORE, BEFORE), **seen))] == ["v3"]


@pytest.mark.parametrize("seen", [([], []), (share(4, 400), share(30, 400))], ids=["unknown", "looks worse"])
def test_no_winner_passes_a_guardrail_that_is_unknown_or_looks_broken(seen: tuple[Any, ...]) -> None:
    rails = [{"metric": "errors", "worse_by": 0.05}]
    assert outcome((BEFORE, share(320, 400)), guardrails=rails, metrics_seen={"errors": seen}) is None


def test_of_several_winners_the_best_one_wins_and_all_must_lose_to_lose() -> None:
    three = {"arms": [*EVEN["arms"], {"name": "v4", "version": 4}]}
    found = outcome((BEFORE, share(320, 400), share(350, 400)), **three)
    assert found is not None
    assert found.arm == "v4"
    assert outcome((BEFORE, share(80, 400), share(205, 400)), **three) is None


def test_an_end_without_a_decision_says_what_was_seen() -> None:
    late = outcome((BEFORE, share(210, 400)), days=31)
    assert late is not None
    assert (late.kind, late.arm) == ("expired", "control")
    assert "After 30 days there is no decision. 0.525 over 400 units beside 0.5" in late.reason
    none = outcome(([], []), days=31)
    assert none is not None
    assert "too few units (0 of the control, 0 of it)" in none.reason


def test_where_the_split_is_wrong_nothing_else_is_believed() -> None:
    wrong = outcome((share(200, 400), share(600, 700)))
    assert wrong is not None
    assert (wrong.kind, wrong.arm) == ("mismatch", "control")
    assert "'control' 400 units (36.4%, meant 50.0%)" in wrong.reason
