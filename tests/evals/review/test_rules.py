"""Rules as they are written: read, refused with their place, and the same draw each time."""

import pytest

from pilothouse.errors import InvalidRequest
from pilothouse.evals.review.rules import Rule, drawn, read_rules
from pilothouse.types import Json


def test_rules_are_read_and_named_by_what_they_say() -> None:
    given: list[Json] = [
        {"why": "random", "share": 0.05, "feature": "support"}, {"why": "thumbs_down"}, {"why": "guard"},
        {"why": "low_confidence", "score": "quality", "threshold": 0.5}, {"why": "failed", "of": "runs"},
        {"why": "low_confidence", "spread": 0.5, "of": "runs"}, {"why": "low_confidence", "logprob": -1},
    ]  # fmt: skip
    rules = read_rules("likert", given)
    assert rules[0] == Rule(why="random", share=0.05, feature="support")
    assert len({rule.key for rule in rules}) == 7
    assert rules[0].key == Rule(why="random", share=0.05, feature="support").key


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"why": "odd"}, "Rule 2: Invalid enum value 'odd'"),
        ({"why": "random", "shares": 1}, "unknown field `shares`"),
        ({"why": "random"}, "`share` must lie above 0"), ({"why": "random", "share": 2}, "`share` must lie above 0"),
        ({"why": "low_confidence"}, "needs one of `threshold`, `spread` and `logprob`"),
        ({"why": "low_confidence", "threshold": 0.5}, "needs the name of the `score`"),
        ({"why": "low_confidence", "score": "q", "threshold": 0.5, "spread": 1}, "needs one of"),
        ({"why": "low_confidence", "logprob": -1, "of": "runs"}, "of traces alone"),
        ({"why": "guard", "of": "runs"}, "of traces alone"), ({"why": "guard", "most": 0}, "`most` must lie between"),
        ({"why": "guard", "margin": -1}, "`margin` must not be negative"),
    ],
)  # fmt: skip
def test_what_is_no_rule_is_refused_with_its_place(given: Json, said: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^Rule 2") as refused:
        read_rules("likert", [{"why": "guard"}, given])
    assert said in refused.value.message


def test_a_queue_of_pairs_has_no_rules() -> None:
    with pytest.raises(InvalidRequest, match="filled from two runs"):
        read_rules("pairwise", [{"why": "guard"}])
    with pytest.raises(InvalidRequest, match="20 rules at most"):
        read_rules("likert", [{"why": "guard"}] * 21)


def test_a_share_is_drawn_by_name_and_seed() -> None:
    rule = Rule(why="random", share=0.25, seed=7)
    taken = [name for name in map(str, range(4000)) if rule.draws(name)]
    assert 900 < len(taken) < 1100
    assert taken == [name for name in map(str, range(4000)) if drawn(7, name) < 0.25]
    assert taken != [name for name in map(str, range(4000)) if drawn(8, name) < 0.25]
