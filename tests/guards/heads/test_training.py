import numpy as np
import pytest

from pilothouse.errors import InvalidRequest
from pilothouse.guards.heads import training
from pilothouse.guards.heads.training import Labelled, bag_scores, calibrate, fitted, raised, report, train

SOURCE = np.random.default_rng(5)
OWN, FOREIGN = 0, 1
"""By what two kinds of traffic give an attack away."""


@pytest.fixture(autouse=True)
def one_penalty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_PENALTIES", (10.0,))


def traffic(count: int, tell: int) -> "tuple[list[Labelled], list[np.ndarray[tuple[int, int], np.dtype[np.float64]]]]":
    """Texts of one or two pieces; in one of them an attack has the tell."""
    examples, bags = [], []
    for at in range(count):
        bag = np.zeros((1 + at % 2, 384))
        bag[:, :6] = SOURCE.normal(0, 0.3, (len(bag), 6))
        bag[0, tell] += 2.0 * (at % 4 < 2)
        examples.append(Labelled(f"text {at}", int(at % 4 < 2)))
        bags.append(bag)
    return examples, bags


def test_a_trained_head_tells_what_it_did_not_see() -> None:
    head, told = train("injection", *traffic(160, OWN), rate=0.05)
    assert told["auroc"] > 0.95
    assert told["false_positive_rate"] <= 0.05
    assert told["auroc_95"][0] <= told["auroc"] <= told["auroc_95"][1]
    others, bags = traffic(80, OWN)
    labels = np.array([float(one.label) for one in others])
    assert report(bag_scores(head, bags), labels, head.threshold)["auroc"] > 0.95
    assert head.card["left_out"]["auroc"] == told["auroc"]


def test_a_head_from_elsewhere_is_fitted_to_the_traffic() -> None:
    examples, bags = traffic(160, FOREIGN)
    foreign = fitted("injection", bags, np.array([float(one.label) for one in examples]), 10.0)
    made, told = calibrate(foreign, *traffic(120, OWN), rate=0.05)
    assert told["before"]["auroc"] < 0.7
    assert told["after"]["auroc"] > 0.9
    assert told["after"]["calibration_error"] < told["before"]["calibration_error"]
    assert made.card["fitted_from"] == foreign.card


def test_the_score_of_a_text_is_that_of_its_worst_piece() -> None:
    examples, bags = traffic(80, OWN)
    head = fitted("injection", bags, np.array([float(one.label) for one in examples]), 1.0)
    assert np.allclose(bag_scores(head, bags[:3]), [head.probabilities(bag).max() for bag in bags[:3]])
    assert len(bag_scores(head, [])) == 0


def test_too_few_texts_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="20 of each are the least"):
        train("injection", *traffic(30, OWN))


def test_texts_of_one_group_are_refused() -> None:
    examples, bags = traffic(80, OWN)
    with pytest.raises(InvalidRequest, match="too few groups"):
        train("injection", [Labelled(one.text, one.label, "all") for one in examples], bags)


def test_a_report_says_what_can_be_said_of_one_label() -> None:
    told = report(np.array([0.1, 0.7]), np.zeros(2), 0.5)
    assert (told["auroc"], told["recall"], told["false_positive_rate"]) == (None, None, 0.5)


def test_marks_raise_the_threshold_until_few_triggers_are_wrong() -> None:
    examples, bags = traffic(80, OWN)
    head = fitted("injection", bags, np.array([float(one.label) for one in examples]), 1.0)
    marks = [(0.5 + at / 100, at >= 20) for at in range(40)]
    made, told = raised(head, marks, 0.2)
    assert (made.threshold, told["wrong"], told["right_kept"]) == pytest.approx((0.65, 0.2, 1.0))
    assert told["wrong_before"] == 0.5
    with pytest.raises(InvalidRequest, match="at most 0%"):
        raised(head, [(0.9, False)] * 30, 0.0)
    with pytest.raises(InvalidRequest, match="20 are the least"):
        raised(head, marks[:9], 0.2)
