"""What faces tell of topics: shares with intervals, examples, and why there are none."""

from dataclasses import replace

import pytest

from pilothouse.ids import now_us
from pilothouse.observe import Drainer, Filters, SpoolRecorder, Traces
from pilothouse.observe.privacy.erasing import Erasing
from pilothouse.observe.sums.period import Period
from pilothouse.observe.topics.kept import Topics
from pilothouse.observe.topics.report import TopicReports
from pilothouse.storage import Spool, Store

from ..asking import ask

DAY_US = 86_400_000_000
NOW = now_us() // DAY_US * DAY_US + 20 * 3_600_000_000
DAY, TWO = Period(NOW - DAY_US, NOW), Period(NOW - 2 * DAY_US, NOW)


def test_topics_of_a_period_beside_the_one_before(store: Store, spool: Spool, drainer: Drainer) -> None:
    ask(store, SpoolRecorder(spool), drainer, NOW)
    told = TopicReports(store).of(TWO, dots=8)
    refund = told.topics[0]
    assert (refund.topic.id, refund.questions, refund.share, refund.before) == ("refund", 30, 0.75, None)
    assert (refund.low, refund.high) == pytest.approx((0.5981, 0.8581), abs=1e-4)
    assert refund.examples == [("default-00", "Refund, please"), ("default-01", "Refund, please")]
    assert (told.questions, told.requests, told.why) == (40, 40, "")
    assert [dot.topic for dot in told.dots] == ["refund"] * 6 + ["door"] * 2
    now = TopicReports(store).of(DAY, before=DAY.before())
    assert [(one.questions, one.before) for one in now.topics] == [(18, 0.75), (6, 0.25)]
    steps = TopicReports(store).over_time(replace(TWO, told_by="day"))
    assert sum(steps["door"].values()) == 10
    assert all(at % DAY_US == 0 for at in steps["refund"])
    first = told.to_json()["data"][0]
    assert (first["label"], first["share"], first["x"]) == ("refund, gift card", 0.75, 0.5)
    assert first["examples"][0] == {"trace_id": "default-00", "question": "Refund, please"}


def test_the_traces_of_a_topic(store: Store, spool: Spool, drainer: Drainer) -> None:
    ask(store, SpoolRecorder(spool), drainer, NOW)
    ask(store, SpoolRecorder(spool), drainer, NOW, project="other")
    traces = Traces(store)
    ids = [f"default-{n:02}" for n in range(3, 40, 4)]
    assert [row.trace_id for row in traces.list(filters=Filters(topic="door")).rows] == ids
    page = traces.list(limit=4, filters=Filters(topic="Refund, Gift Card"))
    more = traces.list(limit=50, before=page.next, filters=Filters(topic="refund"))
    assert len({row.trace_id for row in (*page.rows, *more.rows)}) == 30
    since = Filters(topic="door", since_us=NOW - DAY_US, user_id="ada", model="gpt-4o")
    assert [row.trace_id for row in traces.list(filters=since).rows] == ids[:6]
    assert traces.list(filters=Filters(topic="weather\0")).rows == []


def test_why_there_are_none(store: Store, spool: Spool, drainer: Drainer) -> None:
    reports, kept = TopicReports(store), Topics(store)
    assert "not found yet" in reports.of(TWO).why
    for trouble, told in (("encoder", "models pull"), ("few", "20 questions")):
        kept.note("default", replace(kept.state("default"), made_us=1, trouble=trouble))
        assert told in reports.of(TWO).why
    ask(store, SpoolRecorder(spool), drainer, NOW)
    Erasing(store).user("default", "ada")
    gone = reports.of(TWO)
    assert (gone.topics, gone.dots, gone.questions, gone.why) == ([], [], 0, "")
