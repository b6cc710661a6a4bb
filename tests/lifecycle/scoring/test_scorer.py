"""From a request to the score of its trace, over a real gateway, and all that can come between."""

import asyncio
from typing import Any

import pytest

from pilothouse.app import build
from pilothouse.errors import ProviderError
from pilothouse.ids import now_us
from pilothouse.lifecycle.scoring.sampling import EVALUATION
from pilothouse.observe.costs.charges import Charge, enter
from pilothouse.observe.privacy.erasing import Erasing
from pilothouse.storage import writing

from .conftest import JUDGED_NANO, Site, graded


async def test_a_trace_is_judged_once_and_has_its_score(site: Site) -> None:
    trace = await site.ask()
    assert await site.judge() == 1
    (score,) = site.scores(trace)
    assert (score.name, score.value, score.kind, score.source) == ("quality", 0.75, "numeric", "evaluator")
    assert (score.comment or "").endswith("Misses the price.")
    assert score.author == "online/support"
    assert (score.metadata["rule"], score.metadata["cost_nano"]) == ("support", JUDGED_NANO)
    assert "What does it cost?" in site.judge_.last.body["messages"][1]["content"]
    assert site.outcomes() == {("quality", "scored"): 1}
    assert await site.judge() == 0
    assert len(site.judge_.requests) == 1, "neither judged again, nor its own trace"
    assert b'pilothouse_online_verdicts_total{evaluator="quality",outcome="scored",rule="support"} 1.0' in (
        site.platform.metrics.render()
    )


async def test_what_judges_ask_is_marked_billed_and_never_sampled(site: Site) -> None:
    trace = await site.ask()
    await site.judge()
    (score,) = site.scores(trace)
    judged = site.platform.traces.get(score.metadata["judge_trace"])
    assert all(span.attributes[EVALUATION] == "online/support" for span in judged.spans)
    assert all((span.request_id or "").startswith("eval_") for span in judged.spans)
    call = next(span for span in judged.spans if span.kind == "llm")
    assert site.platform.scoring.payers.spent(["online/support", "online/other"]) == [call.cost_nano, 0]
    assert await site.judge() == 0
    assert not site.platform.scoring.queue.waiting()


async def test_a_judge_that_breaks_makes_no_score(site: Site) -> None:
    site.judge_.default = graded("I like it.")
    trace = await site.ask()
    await site.judge()
    assert site.scores(trace) == []
    (tally,) = site.platform.scoring.tallies.since(1)
    assert (tally.outcome, tally.count) == ("failed", 1)
    assert "no usable answer in 3 attempts" in tally.note
    assert "I like it" not in tally.note, "what a judge says may be what people said"


async def test_what_another_time_may_help_is_tried_again_and_then_failed(site: Site) -> None:
    site.judge_.default = graded("", fault="server_error")
    trace = await site.ask()
    await site.judge()
    assert (site.outcomes(), await site.judge()) == ({}, 0), "it waits"
    for seconds in (30, 60):
        site.later(seconds)
        assert await site.judge() == 1
    assert site.outcomes() == {("quality", "failed"): 1}
    assert site.scores(trace) == []


async def test_a_body_that_is_not_kept_is_skipped_and_counted(site: Site) -> None:
    site.document["privacy"] = {"payloads": 0}
    site.rules(support={"evaluators": ["refusal"]})
    await site.ask()
    await site.judge()
    (tally,) = site.platform.scoring.tallies.since(1)
    assert (tally.evaluator, tally.outcome, tally.count) == ("", "skipped", 1)
    assert "is not kept" in tally.note


async def test_what_an_evaluator_lacks_is_skipped_and_the_others_go_on(site: Site) -> None:
    site.rules(support={"evaluators": ["exact", "refusal"]})
    trace = await site.ask()
    await site.judge()
    assert site.outcomes() == {("exact", "skipped"): 1, ("refusal", "scored"): 1}
    assert [score.name for score in site.scores(trace)] == ["refusal"]


async def test_a_budget_is_never_passed_and_says_so(site: Site) -> None:
    """Of five traces judged at once: a bound of what each may cost is held before it is asked, so one goes after the
    other, and then none."""
    bound = 4096 * 8000 + 3_400_000  # output, and the bytes of the prompt
    site.rules(support={"usd_per_day": str((bound + 2 * JUDGED_NANO) / 1e9), "concurrency": 5})
    traces = [await site.ask(f"Question {n}?") for n in range(5)]
    for _ in range(20):
        await site.judge()
        site.later(2)
    scored, over = site.outcomes()["quality", "scored"], site.outcomes()["quality", "over_budget"]
    assert scored > 1
    assert scored + over == 5
    assert site.platform.scoring.payers.spent(["online/support"]) == [scored * JUDGED_NANO]
    assert len(site.judge_.requests) == scored == sum(len(site.scores(trace)) for trace in traces)
    assert site.platform.scoring.queue.waiting() == {}


async def test_a_spent_budget_holds_in_a_process_that_counted_before(site: Site) -> None:
    """Another process spent meanwhile: the ledger says so, this one's counters do not."""
    site.rules(support={"usd_per_day": "0.06"})
    await site.ask()
    await site.judge()
    before = site.platform.scoring.payers.spent(["online/support"])
    assert before == [JUDGED_NANO]
    elsewhere = Charge("c", "shop", now_us(), ["evals:online/support"], 40_000_000, 1, 1)
    with writing(site.platform.store.observe) as connection:
        enter(connection, [elsewhere])
    trace = await site.ask()
    await site.judge()
    assert site.scores(trace) == []
    assert site.outcomes()["quality", "over_budget"] == 1
    assert len(site.judge_.requests) == 1


@pytest.mark.parametrize(
    ("rule", "why"),
    [({"judge": "unpriced"}, "No price is known"), ({"judge": "nobody"}, "No model 'nobody'"), ({"key": "k1"}, "k1")],
    ids=["no price", "no model", "no key"],
)
async def test_what_no_trace_fares_better_with_stops_the_rule_and_is_said(
    site: Site, rule: dict[str, Any], why: str
) -> None:
    site.rules(support=rule)
    traces = [await site.ask(), await site.ask()]
    await site.judge()
    (tally,) = site.platform.scoring.tallies.since(1)
    assert (tally.outcome, tally.count) == ("stopped", 1)
    assert why in tally.note
    assert site.judge_.requests == []
    assert await site.judge() == 0
    site.rules(support={})
    site.later(600)
    assert await site.judge() == 2
    assert all(site.scores(trace) for trace in traces)


async def test_a_price_that_is_not_known_is_said_where_such_calls_may_pass(site: Site) -> None:
    site.document["unpriced"] = "allow"
    site.rules(support={"judge": "unpriced"})
    trace = await site.ask()
    await site.judge()
    assert "cost_nano" not in site.scores(trace)[0].metadata
    (tally,) = site.platform.scoring.tallies.since(1)
    assert (tally.outcome, tally.note) == ("scored", "What its judge cost is not known: its model has no price.")


async def test_a_trace_that_is_deleted_is_forgotten(site: Site) -> None:
    trace = await site.ask()
    site.platform.drainer.flush()
    Erasing(site.platform.store).trace("default", trace)
    await site.judge()
    assert (site.outcomes(), site.judge_.requests) == ({}, [])


async def test_a_request_that_failed_is_not_judged(site: Site) -> None:
    site.vendor.default = graded("", fault="server_error")
    with pytest.raises(ProviderError):
        await site.ask()
    await site.judge()
    (tally,) = site.platform.scoring.tallies.since(1)
    assert (tally.outcome, tally.note) == ("skipped", "The request failed (provider_unavailable).")


async def test_filters_are_held_against_the_whole_trace(site: Site) -> None:
    wanted = {"models": ["shop/small"], "environments": ["prod"]}
    site.rules(support={"when": wanted, "evaluators": ["refusal"]})
    mine, other = await site.ask(environment="prod"), await site.ask(environment="test")
    await site.judge()
    assert [bool(site.scores(trace)) for trace in (mine, other)] == [True, False]
    assert site.outcomes() == {("refusal", "scored"): 1}


async def test_one_process_of_several_does_it_and_another_goes_on_after_it(site: Site) -> None:
    trace = await site.ask()
    await site.judge()
    later = await site.ask()
    await asyncio.to_thread(site.platform.drainer.flush)
    with build(site.platform.settings) as other:
        assert await other.scoring.scorer.tick() == 0, "the first has the turn"
        site.platform.scoring.scorer._turn.end()
        assert await other.scoring.scorer.tick() == 1
        await asyncio.to_thread(other.drainer.flush)
        assert await other.scoring.scorer.tick() == 0
        await other.stop()
    assert [len(site.scores(one)) for one in (trace, later)] == [1, 1]
    assert len(site.judge_.requests) == 2
    assert site.platform.scoring.payers.spent(["online/support"]) == [2 * JUDGED_NANO]


async def test_what_waits_survives_a_restart(site: Site) -> None:
    trace = await site.ask()
    settings = site.platform.settings
    await asyncio.to_thread(site.platform.drainer.flush)
    with build(settings) as fresh:
        assert await fresh.scoring.scorer.tick() == 1
        await fresh.stop()
    assert len(site.scores(trace)) == 1


async def test_no_faster_than_its_pace(site: Site) -> None:
    site.rules(support={"evaluators": ["refusal"], "per_minute": 2})
    for _ in range(3):
        await site.ask()
    assert [await site.judge(), await site.judge()] == [2, 0]
