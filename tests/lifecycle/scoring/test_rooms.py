from .conftest import JUDGED_NANO, Site, graded


async def test_a_rule_with_its_counts_spend_and_reasons(site: Site) -> None:
    site.judge_.say(graded())
    await site.ask()
    await site.judge()
    site.judge_.default = graded("I like it.")
    await site.ask()
    await site.judge()
    await site.ask()
    site.platform.drainer.flush()
    (state,) = site.platform.scoring.states("default", 7)
    assert (state["name"], state["share"], state["waiting"]) == ("support", 1.0, 1)
    assert (state["spent_nano"], state["budget_nano"]) == (4 * JUDGED_NANO, 10**9)
    counts = {"scored": 1, "failed": 1, "skipped": 0, "over_budget": 0, "stopped": 0, "dropped": 0}
    assert state["today"] == state["counts"] == counts
    (reason,) = state["reasons"]
    assert (reason["evaluator"], reason["outcome"], reason["count"]) == ("quality", "failed", 1)
    (other,) = site.platform.scoring.states("shop", 7)
    assert (other["waiting"], other["counts"]["scored"], other["spent_nano"]) == (0, 0, 4 * JUDGED_NANO)
