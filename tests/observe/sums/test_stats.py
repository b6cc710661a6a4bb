"""Figures of seeded traffic: the same as every span looked at tells, for any period, dimension and narrowing."""

from collections import Counter

import pytest

from pilothouse.errors import InvalidRequest
from pilothouse.observe.scores import Scores
from pilothouse.observe.sums.figures import Figures, Period
from pilothouse.observe.sums.stats import Question, answer, parsed
from pilothouse.storage import Store

from ..conftest import Write
from ..seeded import DAY_US, HOUR_US, Asked, naive, quantile, traffic, within

END = 20_100 * DAY_US + 7 * HOUR_US
PERIODS = (Period(END - 30 * HOUR_US, END), Period(END - 7 * DAY_US, END), Period(END - 12 * DAY_US, END))


@pytest.fixture
def asked(write: Write, store: Store) -> list[Asked]:
    made = traffic(END)
    write(span for one in made for span in one.spans)
    Scores(store).put("default", [score for one in made for score in one.scores])
    return made


def _inside(asked: list[Asked], period: Period, **only: str) -> list[Asked]:
    step = period.step_us
    return within(asked, period.steps.start * step, period.steps.stop * step, **only)


def _sums(told: dict[str, object], calls_alone: bool = False) -> dict[str, object]:
    return {n: told[n] for n in naive([]) if not (calls_alone and n in ("requests", "failed"))}


@pytest.mark.parametrize("period", PERIODS, ids=["30h", "7d", "12d"])
def test_the_sums_are_those_of_the_spans(asked: list[Asked], store: Store, period: Period) -> None:
    told = answer(Figures(store), Question(period, by="model", series=True, compare=True))
    inside = _inside(asked, period)
    assert len(inside) > 20
    assert _sums(told["total"]) == naive(inside)
    minutes = len(period.steps) * period.step_us / 60_000_000
    assert told["total"]["requests_per_minute"] == pytest.approx(len(inside) / minutes)
    assert _sums(told["before"]["total"]) == naive(_inside(asked, period.before()))
    for one in told["values"]:
        expected = naive(_inside(asked, period, model=one["value"]))
        assert _sums(one, True) == {n: v for n, v in expected.items() if n not in ("requests", "failed")}
    assert [one["cost_nano"] for one in told["values"]] == sorted(
        (v["cost_nano"] for v in told["values"]), reverse=True
    )
    assert len(told["series"]) == len(period.steps)
    for step in told["series"]:
        assert _sums(step) == naive(within(asked, step["at_us"], step["at_us"] + period.step_us))


def test_the_share_of_low_scores_and_of_failed_calls(asked: list[Asked], store: Store) -> None:
    told = answer(Figures(store), Question(PERIODS[2], below=0.7))["total"]
    inside = _inside(asked, PERIODS[2])
    values = [float(s.value or 0) for one in inside for s in one.scores if s.name == "faithfulness"]
    (score,) = [one for one in told["scores"] if one["name"] == "faithfulness"]
    assert score["share_below"] == pytest.approx(sum(value < 0.7 for value in values) / len(values))
    assert score["share_below_low"] < score["share_below"] < score["share_below_high"]
    assert told["call_error_rate"] == pytest.approx(naive(inside)["call_errors"] / len(inside))
    assert "share_below" not in answer(Figures(store), Question(PERIODS[2]))["total"]["scores"][0]


@pytest.mark.parametrize("dimension", ["key", "team", "feature", "user", "error"])
def test_each_value_of_a_dimension(asked: list[Asked], store: Store, dimension: str) -> None:
    told = answer(Figures(store), Question(PERIODS[2], by=dimension, limit=1000))
    assert len(told["values"]) > 1
    for one in told["values"]:
        expected = naive(_inside(asked, PERIODS[2], **{dimension: one["value"]}))
        if dimension == "error":  # only the requests that failed belong to it
            assert (one["requests"], one["failed"], one["calls"]) == (expected["failed"], expected["failed"], 0)
        else:
            assert _sums(one) == expected


def test_percentiles_and_users(asked: list[Asked], store: Store) -> None:
    period = PERIODS[2]
    told, inside = answer(Figures(store), Question(period, series=True))["total"], _inside(asked, period)
    assert told["users"] == len({one.root.user_id for one in inside} - {None})
    for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99")):
        latency = quantile((one.root.duration_us for one in inside), share)
        assert told["latency_us"][name] == pytest.approx(latency, rel=0.09)
        assert told["ttft_us"][name] == pytest.approx(quantile((o.call.ttft_us or 0 for o in inside), share), rel=0.09)


def test_scores(asked: list[Asked], store: Store) -> None:
    told = answer(Figures(store), Question(PERIODS[2], by="feature"))
    given = [score for one in _inside(asked, PERIODS[2]) for score in one.scores]
    for one in told["total"]["scores"]:
        values = [score.value for score in given if score.name == one["name"]]
        assert (one["count"], one["mean"]) == (len(values), pytest.approx(sum(values) / len(values)))
    assert [one["name"] for one in told["total"]["scores"]] == ["faithfulness", "feedback"]
    assert sum(s["count"] for v in told["values"] for s in v["scores"]) < len(given)  # some traces have no feature


def test_narrowing(asked: list[Asked], store: Store) -> None:
    figures, period = Figures(store), PERIODS[2]
    one = answer(figures, Question(period, only={"feature": "search"}))["total"]
    assert _sums(one) == naive(_inside(asked, period, feature="search"))
    for model in {one.call.response_model for one in asked}:
        both = Question(period, only={"feature": "search", "model": str(model)}, by="key")
        told = answer(figures, both)
        inside = _inside(asked, period, feature="search", model=str(model))
        assert _sums(told["total"], True) | {"requests": 0, "failed": 0} == naive(inside) | {"requests": 0, "failed": 0}
        calls = Counter(one.call.key_id for one in inside)
        assert {value["value"]: value["calls"] for value in told["values"]} == calls
    assert answer(figures, Question(period, only={"feature": "SEARCH", "key": "key_1"}))["total"]["calls"] == 0


def test_another_project_sees_nothing(asked: list[Asked], store: Store) -> None:
    assert answer(Figures(store), Question(PERIODS[2], "other", series=True))["total"]["requests"] == 0


def test_peak_hours_and_steps_of_values(asked: list[Asked], store: Store) -> None:
    figures, period = Figures(store), PERIODS[2]
    week = figures.peak_hours("requests", period)
    counted = Counter((one.root.start_us // HOUR_US + 72) % 168 for one in _inside(asked, period))
    assert {(day * 24 + hour): n for day, row in enumerate(week) for hour, n in enumerate(row) if n} == counted
    steps = figures.by_over_time("cost_nano", "model", period)
    for model, amounts in steps.items():
        for at, amount in amounts.items():
            inside = within(asked, at, at + period.step_us, model=model)
            assert amount == naive(inside)["cost_nano"]


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ({"by": "colour"}, "'colour' is no dimension"),
        ({"by": "cube"}, "'cube' is no dimension"),
        ({"by": "model", "only": {"team": "t"}}, "team and model together are not kept"),
        ({"only": {"user": "ada", "model": "m"}}, "user and model together are not kept"),
    ],
)
def test_what_is_not_kept(store: Store, question: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        answer(Figures(store), Question(PERIODS[0], **question))  # type: ignore[arg-type]


def test_narrowing_in_words() -> None:
    assert parsed("model=a=b") == ("model", "a=b")
    for text in ("model", "model=", ""):
        with pytest.raises(InvalidRequest, match="narrows nothing"):
            parsed(text)
