"""What is done with the scores of sampled traffic: an alert, the figures of quality, pairs for the router."""

import asyncio

from pilothouse.ids import now_us
from pilothouse.lifecycle.judged import Sides, judged_pairs
from pilothouse.observe.sums.figures import Figures
from pilothouse.observe.sums.period import Period
from pilothouse.storage import writing

from ...alerts.seeding import HOUR_US, put, scores_of
from .conftest import Site, graded

BAD = '{"relevance": 1, "completeness": 2, "clarity": 1, "faithfulness": 1, "explanation": "It says nothing."}'


async def test_a_drop_of_quality_in_the_traffic_is_an_alert(site: Site) -> None:
    """Weeks of good answers, then answers of today that a judge finds poor."""
    site.document["alerts"] = {"rules": {"score": {"minimum": 6, "evaluations": 1}}}
    site.rules(support={})
    hour, store = now_us() // HOUR_US, site.platform.store
    with writing(store.observe) as connection:
        put(connection, *(scores_of(at, mean=0.9, name="quality") for at in range(hour - 5 * 168, hour - 7)))
    watch = site.platform.alerts.watch
    site.judge_.default = graded(BAD)
    for n in range(8):
        await site.ask(f"Question {n}?")
    assert await site.judge() == 8
    config = site.platform.snapshot.config.alerts
    await asyncio.to_thread(watch._evaluator.evaluate, config, ["default"])
    (alert,) = site.platform.alerts.book.list()
    assert (alert.rule, alert.subject, alert.samples, alert.status) == ("score", "quality", 8, "open")
    assert "The mean score over the last 6 h: 0.0" in alert.text
    assert "below the usual 0.900" in alert.text


async def test_scores_are_in_the_figures_of_quality_by_model(site: Site) -> None:
    await site.ask(feature="help")
    await site.judge()
    figures, period = Figures(site.platform.store), Period.last("24h", now_us() + 1)
    for dimension, value in (("all", ""), ("model", "small"), ("feature", "help")):
        found = figures.scores(period, "default", dimension, None)
        assert (found[value, "quality"].count, found[value, "quality"].mean) == (1, 0.75)


async def test_the_router_learns_from_such_scores(site: Site) -> None:
    site.document["models"]["big"] = {"deployments": [{"provider": "shop", "model": "large"}]}
    site.document["prices"].append({"provider": "shop", "model": "large", "input": 10, "output": 40})
    site.rules(support={})
    site.judge_.say(graded(BAD), graded())
    await site.ask()
    await site.judge()
    await site.ask(model="big")
    await site.judge()
    sides = Sides.of(site.platform.snapshot.config, "m", "big")
    found = judged_pairs(site.platform.store, "default", "quality", sides, 0)
    (pair,) = found.pairs
    assert (pair.text, pair.simple_score, pair.complex_score) == ("What does it cost?", 1 / 12, 0.75)
    assert pair.simple_cost < pair.complex_cost
    assert not found.left_out
