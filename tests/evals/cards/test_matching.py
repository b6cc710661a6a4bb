"""Verdicts beside the labels of people."""

from pilothouse.cases import Verdict
from pilothouse.evals.cards.labels import HumanLabel
from pilothouse.evals.cards.matching import Judgement, match, told_by
from pilothouse.types import Json


def rubric(score: float, **scores: int) -> Verdict:
    return Verdict.ok("quality", score, passed=score >= 0.75, detail={"scores": scores, "reasked": 1}, cost_nano=7)


def compared(label: str, orders: list[str]) -> Verdict:
    detail: Json = {"orders": orders, "flipped": orders[:1] == orders[1:] != ["tie"]}
    return Verdict.ok("pairwise", {"win": 1.0, "tie": 0.5, "loss": 0.0}[label], label=label, detail=detail)


def test_what_verdicts_tell() -> None:
    assert told_by(rubric(0.9, clarity=5)) == {"clarity": ("levels", 5), "": ("labels", "pass")}
    assert told_by(Verdict.ok("tone", 0.5, passed=False, detail={"said": 3})) == {"": ("labels", "fail")}
    assert told_by(compared("win", ["first", "second"])) == {"": ("pairs", "win")}
    assert told_by(compared("tie", [])) == {}
    assert told_by(Verdict.ok("kind", label="split")) == {"": ("labels", "split")}
    assert told_by(Verdict.failed("x", "broken")) == {}
    assert told_by(Verdict.ok("similarity", 0.25)) == {"": ("labels", 0.25)}


def test_labels_find_their_case_run_trial_and_criterion() -> None:
    given = [
        Judgement(case="a", verdict=rubric(0.9, clarity=5), source="r1", lengths=(3,)),
        Judgement(case="a", verdict=rubric(0.1, clarity=1), source="r2"),
        Judgement(case="a", verdict=rubric(0.5, clarity=3), source="r1", trial=1),
        Judgement(case="b", verdict=Verdict.failed("quality", "broken"), source="r1"),
        Judgement(case="c", verdict=Verdict.skipped("quality", "nothing there"), source="r1"),
    ]
    labels = [
        HumanLabel(case="a", label=4, criterion="clarity", annotator="ann"),
        HumanLabel(case="a", label=5, criterion="clarity", annotator="ann"),
        HumanLabel(case="a", label=3, criterion="clarity"),
        HumanLabel(case="b", label="fail", criterion="quality"),
        HumanLabel(case="z", label="fail"),
    ]
    found = match(given, {"r1": labels})
    assert list(found) == ["", "clarity"]
    clarity = found["clarity"].ratings
    assert [(one.item, one.judge, one.people) for one in clarity] == [
        ("r1/a/0", 5, 4), ("r2/a/0", 1, None), ("r1/a/1", 3, None), ("r1/b/0", None, None),
    ]  # fmt: skip
    assert (clarity[0].votes, clarity[0].lengths, clarity[0].reasked, clarity[0].cost_nano) == ((5, 3), (3,), 1, 7)
    assert (found[""].ratings[3].judge, found[""].ratings[3].people, found[""].labelled) == (None, "fail", 1)


def test_levels_for_the_whole_are_held_against_the_score() -> None:
    given = [Judgement(case=str(i), verdict=rubric(i / 4)) for i in range(5)]
    found = match(given, {"": [HumanLabel(case="1", label=2, criterion="quality"), HumanLabel(case="4", label=5)]})
    assert found[""].scale == "levels"
    assert [one.judge for one in found[""].ratings] == [1, 2, 3, 4, 5]
    assert [one.people for one in found[""].ratings] == [None, 2, None, None, 5]


def test_the_level_that_was_said_comes_before_the_score() -> None:
    tone = Verdict.ok("tone", 0.4, passed=False, detail={"said": 2})
    found = match([Judgement(case="1", verdict=tone)], {"": [HumanLabel(case="1", label=3, criterion="tone")]})
    assert (found[""].ratings[0].judge, found[""].ratings[0].people) == (2, 3)


def test_what_was_decided_stands_for_all() -> None:
    labels = [HumanLabel(case="1", label=one, criterion="clarity", annotator=str(one)) for one in (1, 5)]
    labels.append(HumanLabel(case="1", label=4, criterion="clarity", decided=True))
    rating = match([Judgement(case="1", verdict=rubric(0.5, clarity=3))], {"": labels})["clarity"].ratings[0]
    assert (rating.people, rating.votes) == (4, (1, 5))


def test_pairs_about_which_no_judge_was_asked_are_left_out() -> None:
    given = [
        Judgement(case="a", verdict=compared("tie", [])),
        Judgement(case="b", verdict=compared("tie", ["first", "first"])),
    ]
    found = match(given, {"": [HumanLabel(case="b", label="win")]})
    assert [(one.places, one.people, one.flipped) for one in found[""].ratings] == [(("first", "first"), "win", True)]
