"""What belongs together among requests that two models answered."""

from pilothouse.lifecycle.pairing import COMMON, Answers, Asked, groups_of


def asked(*sources: str) -> Asked:
    return Asked(("trace", "span"), sources=set(sources))


def test_requests_that_share_a_source_are_one_group_also_by_way_of_others() -> None:
    groups = groups_of([asked("a"), asked("c", "d"), asked("e"), asked("b", "a"), asked("b", "c"), asked("e", "f")])
    assert groups == ["a", "a", "e", "a", "a", "e"]


def test_what_came_from_everywhere_ties_nothing_together() -> None:
    many = [f"s{i}" for i in range(COMMON + 1)]
    assert groups_of([asked(*many), asked("s0"), asked("s1"), asked()]) == ["", "s0", "s1", ""]
    assert groups_of([asked(*many[1:]), asked("s0"), asked("s1"), asked("s5")]) == ["s1", "s0", "s1", "s1"]


def test_means_of_what_is_known() -> None:
    answers = Answers([1.0, 0.0, 1.0, 1.0], {("t", "1"): 1_000_000_000, ("t", "2"): 3_000_000_000, ("t", "3"): None})
    assert (answers.score, answers.usd) == (0.75, 2.0)
    assert Answers([1.0], {("t", "1"): None}).usd is None
    pair = asked()
    pair.simple.scores.append(0.0)
    assert not pair.paired
    pair.complex.scores.append(0.0)
    assert pair.paired
