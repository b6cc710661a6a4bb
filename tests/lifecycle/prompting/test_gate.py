"""Versions evaluated against the one in production, and what the registry hears when it asks."""

import pytest

from pilothouse.access.audit import Actor
from pilothouse.errors import InvalidRequest, NotFound, ProviderUnavailable
from pilothouse.evals.runs.prepare import case_from
from pilothouse.prompting import Protected
from pilothouse.prompts.content import Content
from pilothouse.prompts.registry import Prompts

from ...evals.runs.conftest import P
from .conftest import Judging


async def test_a_version_that_loses_is_refused_and_one_that_wins_may_take_its_place(judging: Judging) -> None:
    assert "rag@2 was not evaluated by the suite" in judging.check(2)[0]
    assert judging.check(2)[0].endswith("Run `pilothouse prompts evaluate rag@2`.")
    lost = await judging.evaluate(2)
    assert (lost.version, lost.against, lost.passed, lost.actor) == (2, 1, False, "ada")
    assert "0.500 before, 0.125 now over 40 cases" in lost.reasons[0]
    assert judging.check(2) == [*lost.reasons, f"The run is {lost.run_id}."]

    asked = len(judging.bench.chat.asked)
    won = await judging.evaluate(None)
    assert (won.version, won.passed, won.baseline_run_id) == (3, True, lost.baseline_run_id)
    assert len(judging.bench.chat.asked) == asked + 40  # the run of version 1 is there
    assert judging.check(3) == []
    assert judging.check(1) == []  # where it stands already
    (difference, *_) = won.body["differences"]
    assert (difference["name"], difference["won"], difference["lost"]) == ("exact", 20, 0)
    assert [one.id for one in judging.gate.verdicts.list(P, "rag")] == [won.id, lost.id]


async def test_a_verdict_counts_while_nothing_has_changed(judging: Judging) -> None:
    await judging.evaluate(3)
    assert judging.check(3) == []
    assert "compared with rag@1, and 'production' points to rag@2 now" in judging.check(3, 2)[0]
    assert "points to none now" in judging.check(3, None)[0]
    judging.shelf.tone = "Be brief."
    assert "rag@3 was judged with other texts in it" in judging.check(3)[0]
    judging.shelf.tone = "Be kind."
    judging.rules[0]["margin"] = 0.01
    assert "was not evaluated" in judging.check(3)[0]
    del judging.rules[0]["margin"]
    judging.fill(41)
    assert "judged on support@1, and support@2 is there now" in judging.check(3)[0]
    judging.rules[0]["suite"]["dataset"] = "support@1"
    await judging.evaluate(3)
    assert judging.check(3) == []
    for model in ("small", "large"):
        judging.config = {"models": {"m": {"deployments": [{"provider": "builtin", "model": model}]}}}
        assert "it was m, and is m (builtin/" in judging.check(3)[0]
    verdict = await judging.evaluate(3)
    assert (judging.check(3), verdict.body["meanings"]["m"][0]) == ([], "m (builtin/large)")
    judging.rules[0]["suite"]["dataset"] = "gone"
    assert "was not evaluated" in judging.check(3)[0]
    judging.rules.clear()
    assert judging.check(2) == []


async def test_a_first_version_is_compared_with_none(judging: Judging) -> None:
    judging.shelf.labels.clear()
    judging.rules[0] |= {"must_pass": "metadata.must"}
    judging.rules[0]["suite"] |= {"gates": ["exact < 0.1", "exact drop > 0.02"]}
    first = await judging.evaluate(2)
    assert (first.passed, first.against, first.baseline_run_id) == (True, None, None)
    assert judging.check(2, None) == []
    judging.shelf.right[2] = 0
    again = await judging.evaluate(2, fresh=True)
    assert [reason.partition(":")[0] for reason in again.reasons] == ["1 of 1 cases that must pass fail", "exact < 0.1"]


async def test_a_label_that_was_taken_away_is_no_way_around_the_gate(judging: Judging) -> None:
    prompts, by = Prompts(judging.bench.store.control), Actor("ada", "key")
    for text in ("one", "two", "three"):
        prompts.create(P, "rag", Content(template=text), by=by)
    prompts.promote(P, "rag", 1, by=by)
    prompts.unlabel(P, "rag", "production", by=by)
    judging.shelf.labels.clear()
    assert ((verdict := await judging.evaluate(2)).passed, verdict.against) == (False, 1)
    assert judging.check(2, None) == [*verdict.reasons, f"The run is {verdict.run_id}."]
    assert judging.check(1, None) == []


async def test_other_cases_and_suites_judge_and_open_nothing(judging: Judging) -> None:
    cases = [case_from({"input": str(i), "expected": str(i)}, i) for i in range(30)]
    own = await judging.evaluate(3, cases=cases)
    assert own.passed
    assert "was not evaluated" in judging.check(3)[0]
    other = Protected(suite={"dataset": "support", "evaluators": ["exact"]}, margin=1)
    assert (await judging.evaluate(2, rule=other)).passed
    assert "was not evaluated" in judging.check(2)[0]
    same = Protected(prompts="*", suite={"dataset": "support", "evaluators": ["exact"]})
    await judging.evaluate(3, rule=same)
    await judging.evaluate(3, cases=cases[:1])
    assert judging.check(3) == []


async def test_each_version_gets_the_variables_that_it_knows(judging: Judging) -> None:
    judging.shelf.more = {3: "lang"}
    rows = [{"input": {"q": str(i), "lang": "de"}, "expected": str(i)} for i in range(30)]
    cases = [case_from(one, i) for i, one in enumerate(rows)]
    assert (await judging.evaluate(3, cases=cases)).passed
    given = [(one.body["prompt"]["version"], {*one.body["prompt"]["variables"]}) for one in judging.bench.chat.asked]
    assert {(version, *sorted(names)) for version, names in given} == {(1, "q"), (3, "lang", "q")}
    asked = len(given)
    for wrong, told in (
        ({"q": "1"}, "Case 31, 'c9', does not fit rag@3: The variable 'lang' is missing."),
        ({"q": "1", "lang": "de", "long": 1}, "Case 31, 'c9', does not fit rag@3: The prompt has no variable 'long'."),
        ({"lang": "de"}, "Case 31, 'c9', does not fit rag@3: The variable 'q' is missing."),
        ("1", "Case 31, 'c9', does not fit rag@3: The input names no variables"),
        ({"q": 1, "lang": "de"}, "'q' is of type string, not"),
    ):
        with pytest.raises(InvalidRequest) as refused:
            await judging.evaluate(3, cases=[*cases, case_from({"id": "c9", "input": wrong}, 9)])
        assert told in refused.value.message
    with pytest.raises(InvalidRequest, match="does not fit rag@3: The input names no variables"):
        await judging.evaluate(3)  # its dataset has texts
    judging.shelf.more = {1: "style"}
    with pytest.raises(InvalidRequest, match="Case 1, '000000', does not fit rag@1: The variable 'style' is missing"):
        await judging.evaluate(3, cases=[case_from({"input": {"q": "1"}}, 0)])
    assert len(judging.bench.chat.asked) == asked


async def test_what_failed_of_the_version_in_place_is_asked_again(judging: Judging) -> None:
    chat, away = judging.bench.chat, ProviderUnavailable("Nobody is there.")
    chat.answers = [lambda request: away if request.body["prompt"]["version"] == 1 else "no"]
    lost = await judging.evaluate(2)
    assert "'exact' could not be compared with the current version." in lost.reasons[0]
    assert "40 cases got no answer of the version to compare with" in str(lost.body["notes"])
    chat.answers = [judging.shelf.answer]
    won = await judging.evaluate(3)
    assert (won.passed, won.baseline_run_id == lost.baseline_run_id) == (True, False)


async def test_latencies_are_compared_when_both_are_measured_anew(judging: Judging) -> None:
    judging.rules[0]["latency_rise"] = 0.5
    first, again = await judging.evaluate(3), await judging.evaluate(3)
    assert len({first.run_id, again.run_id, first.baseline_run_id, again.baseline_run_id}) == 4
    assert len(judging.bench.chat.asked) == 160


async def test_who_must_agree_and_what_cannot_be(judging: Judging) -> None:
    judging.rules.insert(0, {"prompts": "legal-*", "approvals": 1})
    assert [judging.gate.approvals(P, name, "production") for name in ("legal-terms", "rag")] == [1, 0]
    assert judging.gate.check(P, "legal-terms", 2, "production", 1) == []
    with pytest.raises(InvalidRequest, match="Nothing says by what 'rag' is judged for 'beta'"):
        await judging.evaluate(2, label="beta")
    with pytest.raises(NotFound):
        await judging.evaluate(9)
    assert judging.bench.chat.asked == []
