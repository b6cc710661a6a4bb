"""The card of a judge."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.evals.cards.card import Card, JudgeId, make_card
from pilothouse.evals.cards.ratings import Rating, settled
from pilothouse.stats.agreement import cohen

WHO = JudgeId(model="gpt-4o", kind="llm_judge", options="0123456789abcdef", name="quality")


def passes(judge: str | None, people: str | None, times: int, start: int, **more: object) -> list[Rating]:
    votes = () if people is None else (people,)
    return [
        Rating(item=str(i), judge=judge, people=people, votes=votes, **more)  # type: ignore[arg-type]
        for i in range(start, start + times)
    ]


def test_agreement_is_cohens_of_what_both_told() -> None:
    told = [
        *passes("pass", "pass", 20, 0), *passes("fail", "fail", 15, 20), *passes("pass", "fail", 5, 35),
        *passes("fail", "pass", 10, 40), *passes("pass", None, 50, 50), *passes(None, "pass", 3, 100),
    ]  # fmt: skip
    card = make_card(told, WHO, "labels")
    assert card.kappa is not None
    assert card.agreement is not None
    assert (card.items, card.failed, card.labelled, card.votes, card.split) == (103, 3, 50, 53, 0)
    assert (card.kappa.value, card.agreement.value) == (pytest.approx(0.4), pytest.approx(0.7))
    assert card.confusion[0] == ("pass", "pass", 20)
    assert card.notes == ("Of the items with labels, 3 have no verdict of the judge.",)
    strict = make_card(told, WHO, "labels", failures_disagree=True)
    assert strict.agreement is not None
    assert (strict.labelled, strict.agreement.value) == (53, pytest.approx(35 / 53))


def test_levels_are_weighed_by_their_distance() -> None:
    ours, theirs = [1, 2, 3, 4, 5, 5], [1, 2, 3, 4, 4, 5]
    told = [
        Rating(item=str(i), judge=one, people=other, votes=(other,))
        for i, (one, other) in enumerate(zip(ours, theirs, strict=True))
    ]
    card = make_card(told, WHO, "levels", "clarity")
    assert card.kappa == cohen(ours, theirs, "quadratic")
    assert "rough" in card.notes[0]


def test_people_who_labelled_the_same_are_held_against_each_other() -> None:
    votes = [("pass", "pass"), ("fail", "fail"), ("pass", "fail"), ("pass",)]
    told = [Rating(item=str(i), judge="pass", people=settled(one, "labels"), votes=one) for i, one in enumerate(votes)]
    card = make_card(told, WHO, "labels")
    assert card.among_people is not None
    assert (card.among_people.n, card.split, card.votes) == (3, 1, 7)
    assert make_card(told[3:], WHO, "labels").among_people is None


def test_pairs_tell_flips_and_what_length_alone_would_do() -> None:
    places = [("first", "second")] * 6 + [("first", "first")] * 3 + [("second", "second")]
    told = [
        Rating(item=str(i), judge="tie" if one[0] == one[1] else "win", people="win" if i < 7 else "loss", places=one,
               lengths=(5, 5 + i % 2 * 3))
        for i, one in enumerate(places)
    ]  # fmt: skip
    card = make_card(told, WHO, "pairs")
    assert card.flips is not None
    assert card.first is not None
    assert card.always_longer is not None
    assert (card.flips.value, card.flips.n, card.first.value, card.first.n) == (0.4, 10, 0.75, 4)
    assert card.always_longer.value == pytest.approx(0.3)  # never the longer one here: all are counted as losses


def test_cost_and_time_are_of_verdicts_that_were_paid_for() -> None:
    told = [
        Rating(item="1", judge="pass", cost_nano=200, latency_s=1.0),
        Rating(item="2", judge="pass", cost_nano=400, latency_s=3.0, reasked=2),
        Rating(item="3", judge="pass", cost_nano=None, latency_s=2.0), Rating(item="4", judge="pass", latency_s=0.001),
    ]  # fmt: skip
    card = make_card(told, WHO, "labels")
    assert (card.cost_nano, card.unpriced, card.reasked) == (300, 1, 1)
    assert card.latency_s == (2.0, pytest.approx(2.9))
    unknown = make_card(told[2:3], WHO, "labels")
    assert (unknown.cost_nano, unknown.unpriced) == (None, 1)
    free = make_card(told[3:], WHO, "labels")
    assert (free.cost_nano, free.unpriced, free.latency_s) == (0, 0, (0.001, 0.001))


def test_without_labels_a_card_says_so() -> None:
    card = make_card(passes("pass", None, 3, 0), WHO, "labels")
    assert (card.kappa, card.agreement, card.labelled) == (None, None, 0)
    assert "nothing is known of its agreement" in card.notes[0]
    with pytest.raises(ValueError, match="no ratings"):
        make_card([], WHO, "labels")


def with_trials(told: list[Rating], trials: int) -> list[Rating]:
    return [
        msgspec.structs.replace(one, item=f"{one.item}/{t}", case=one.item) for one in told for t in range(trials)
    ]  # fmt: skip


def test_trials_that_say_the_same_tell_no_more_than_one() -> None:
    places = [("first", "second"), ("first", "first"), ("second", "second"), ("second", "first")]
    told = [
        Rating(item=str(i), judge=("win", "loss", "win")[i % 3], people=("win", "loss")[i % 2], lengths=(5, i % 10),
               votes=(("win", "loss")[i % 2], ("loss", "loss", "win")[i % 3]), places=places[i % 4],
               models=("gpt-4o", "llama-3"))
        for i in range(48)
    ]  # fmt: skip
    one, many = (make_card(with_trials(told, trials), WHO, "pairs") for trials in (1, 4))
    assert one == make_card(told, WHO, "pairs")
    assert (one.labelled, one.cases, many.labelled, many.cases) == (48, 48, 192, 48)
    for name in ("kappa", "agreement", "always_longer", "flips", "first"):
        a, b = getattr(one, name), getattr(many, name)
        assert (b.n, b.value, b.low, b.high) == pytest.approx((a.n, a.value, a.low, a.high)), name
    assert one.among_people is not None
    assert many.among_people is not None
    assert many.among_people.low == pytest.approx(one.among_people.low, abs=0.05)
    assert many.among_people.n == 48
    for name in ("length", "own"):
        a, b = getattr(one, name), getattr(many, name)
        assert (b.judge.low, b.people.high) == pytest.approx((a.judge.low, a.people.high))
        assert b.difference.n == a.difference.n
        assert b.difference.high - b.difference.low == pytest.approx(a.difference.high - a.difference.low, rel=0.1)


def test_trials_of_levels_count_as_one_too() -> None:
    told = [
        Rating(item=str(i), judge=1 + i % 5, people=1 + (i + i % 3) % 5, lengths=(i % 7,), models=("gpt-4o",))
        for i in range(40)
    ]  # fmt: skip
    one, many = (make_card(with_trials(told, trials), WHO, "levels") for trials in (1, 3))
    for a, b in (
        (one.kappa, many.kappa),
        (one.length and one.length.difference, many.length and many.length.difference),
    ):
        assert a is not None
        assert b is not None
        assert (b.n, b.value, b.low, b.high) == pytest.approx((a.n, a.value, a.low, a.high))


def test_trials_that_differ_are_the_mean_of_their_case() -> None:
    told = with_trials(passes("pass", "pass", 10, 0), 1) + [
        Rating(item=f"x{i}/{t}", case=f"x{i}", judge="pass" if t else "fail", people="pass" if i % 2 else "fail")
        for i in range(30) for t in range(2)
    ]  # fmt: skip
    card = make_card(told, WHO, "labels")
    assert card.agreement is not None
    assert card.kappa is not None
    assert (card.agreement.value, card.agreement.n, card.labelled) == (pytest.approx(25 / 40), 40, 70)
    assert card.kappa.n == 40
    assert card.kappa.low is not None


LABELS = st.sampled_from(["win", "tie", "loss", None])
PAIRS = st.builds(
    Rating, item=st.uuids().map(str), judge=LABELS, people=LABELS,
    lengths=st.tuples(st.integers(0, 9), st.integers(0, 9)) | st.just(()), models=st.just(("gpt-4o", "llama-3")),
    places=st.tuples(*[st.sampled_from(["first", "second", "tie"])] * 2) | st.just(()),
    cost_nano=st.none() | st.integers(0, 5), latency_s=st.none() | st.floats(0, 9),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(PAIRS, min_size=1, max_size=12))
def test_any_ratings_make_a_card_that_is_json(told: list[Rating]) -> None:
    card = make_card(told, WHO, "pairs", sources=["run"])
    text = msgspec.json.encode(card.to_json())
    assert b"NaN" not in text
    assert msgspec.json.decode(text, type=Card) == card
