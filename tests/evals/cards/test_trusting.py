"""Whom a gate may rely on."""

import pytest

from pilothouse.evals.cards.card import Card, JudgeId, make_card
from pilothouse.evals.cards.ratings import Rating
from pilothouse.evals.cards.trusting import may_gate

WHO = JudgeId(model="gpt-4o", kind="llm_judge", options="0123456789abcdef")


def card(right: int, wrong: int, criterion: str = "") -> Card:
    """Half of the items pass by people; `wrong` of them the judge has the other way."""
    told = []
    for i in range(right + wrong):
        people = "pass" if i % 2 else "fail"
        judge = people if i < right else {"pass": "fail", "fail": "pass"}[people]
        told.append(Rating(item=str(i), judge=judge, people=people, votes=(people,)))
    return make_card(told, WHO, "labels", criterion)


def test_the_lower_bound_counts_and_labels_raise_it() -> None:
    few, many = card(16, 4), card(160, 40)
    assert few.kappa is not None
    assert many.kappa is not None
    assert few.kappa.value == pytest.approx(many.kappa.value)
    why = may_gate("quality", [""], {"": few}, 0.4)
    assert why is not None
    assert why.startswith("The judge of 'quality' (gpt-4o) agrees too little with people: kappa 0.60, ")
    assert "its lower bound 0.14 by 20 labelled items, and 0.4 is asked for" in why
    assert may_gate("quality", [""], {"": many}, 0.4) is None


def test_each_criterion_of_a_score_counts_unless_the_whole_was_labelled() -> None:
    good, bad = card(190, 10, "clarity"), card(110, 90, "relevance")
    both = {"clarity": good, "relevance": bad}
    why = may_gate("quality", ["clarity", "relevance"], both)
    assert why is not None
    assert "on 'relevance'" in why
    assert may_gate("quality", ["clarity"], both) is None
    assert may_gate("quality", ["clarity", "relevance"], {**both, "": card(190, 10)}) is None
    assert (
        may_gate("quality", ["clarity"], {**both, "": make_card([Rating(item="1", judge="pass")], WHO, "labels")})
        is None
    )
    missing = may_gate("quality", ["clarity", "tone"], both)
    assert missing is not None
    assert "has no card on 'tone'" in missing


def test_who_was_never_held_against_people_may_not() -> None:
    for cards in ({}, {"": make_card([Rating(item="1", judge="pass")], WHO, "labels")}):
        why = may_gate("quality", [""], cards)
        assert why is not None
        assert "unvalidated ok" in why
    one_label = make_card([Rating(item="1", judge="pass", people="pass", votes=("pass",))], WHO, "labels")
    why = may_gate("quality", [""], {"": one_label})
    assert why is not None
    assert "one label alone was given" in why
