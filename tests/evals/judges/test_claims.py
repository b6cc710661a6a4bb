"""Claims, taken from a text and held against others."""

from collections.abc import Sequence
from typing import Any

import pytest

from pilothouse.evals.judges.asking import Judge, Manner, held
from pilothouse.evals.judges.claims import NliFaithfulness, check_claims, claims_of, share_of
from pilothouse.evals.shapes import Case, Verdict
from pilothouse.types import Json

from .conftest import CASE, Scripted, models_of


def labelled(*labels: str) -> Json:
    """The judge's verdicts on numbered claims: s, c or n for each."""
    names = {"s": "supported", "c": "contradicted", "n": "not found"}
    return {"verdicts": [{"claim": n, "verdict": names[one], "reason": "r"} for n, one in enumerate(labels, 1)]}


def claiming(*claims: str) -> Json:
    return {"claims": list(claims)}


async def with_judge(chat: Scripted, work: Any) -> Verdict:
    return await held("e", models_of(chat), Manner(retries=0), work)


@pytest.mark.parametrize(
    ("labels", "score", "label", "passed"),
    [
        ("ss", 1.0, "entailment", True),
        ("sn", 0.5, "neutral", False),
        ("sssc", 0.75, "contradiction", False),
        ("sssn", 0.75, "neutral", True),
        ("nc", 0.0, "contradiction", False),
    ],
)
async def test_the_share_of_supported_claims(labels: str, score: float, label: str, passed: bool) -> None:
    claims = [f"Claim {n}." for n in range(len(labels))]
    chat = Scripted(claiming(*claims), labelled(*labels))
    verdict = await NliFaithfulness().evaluate(CASE, models_of(chat))
    assert (verdict.score, verdict.label, verdict.passed) == (score, label, passed)
    assert [one["claim"] for one in verdict.detail["claims"]] == claims
    assert verdict.cost_nano == 14
    assert "Who wrote it?" in chat.prompts[0]
    assert "Ada did." in chat.prompts[0]
    assert "Ada did." not in chat.prompts[1], "claims are held against the passages alone"
    assert "Tea is hot." in chat.prompts[1]


async def test_an_output_without_claims_is_skipped_and_its_cost_told() -> None:
    verdict = await NliFaithfulness().evaluate(CASE, models_of(Scripted(claiming())))
    assert (verdict.status, verdict.score, verdict.cost_nano) == ("skipped", None, 7)
    empty = Scripted("never asked")
    assert (await NliFaithfulness().evaluate(Case(id="1", input="", context=("a",)), models_of(empty))).cost_nano == 0
    assert (await NliFaithfulness().evaluate(Case(id="1", input="", output="a"), models_of(empty))).status == "skipped"
    assert empty.asked == []


async def test_claims_are_single_lines_each_once() -> None:
    async def work(judge: Judge) -> Verdict:
        found = await claims_of(judge, "", "Tea.")
        return Verdict.ok("e", 1.0, detail={"claims": found})

    chat = Scripted(claiming("Tea\n2. is hot.", "Tea 2. is hot.", "Ice is cold."))
    assert (await with_judge(chat, work)).detail["claims"] == ["Tea 2. is hot.", "Ice is cold."]


async def test_many_claims_are_checked_some_at_a_time_in_their_order() -> None:
    claims = [f"Claim {n}." for n in range(60)]
    odd = Scripted(lambda request: labelled(*_labels_for(request.last_user_text())))

    async def work(judge: Judge) -> Verdict:
        checked = await check_claims(judge, claims, {"evidence": "e"})
        assert [one.claim for one in checked] == claims
        assert [one.supported for one in checked] == [n % 2 == 1 for n in range(60)]
        return Verdict.ok("e", share_of(checked))

    assert (await with_judge(odd, work)).score == 0.5
    assert len(odd.asked) == 3


def _labels_for(prompt: str) -> Sequence[str]:
    numbers = [int(line.split("Claim ")[1].rstrip(".")) for line in prompt.splitlines() if ". Claim " in line]
    return ["s" if number % 2 else "n" for number in numbers]


@pytest.mark.parametrize(
    "answers",
    [
        ({"claims": "Tea is hot."},),
        ({"claims": [{"claim": "Tea is hot."}]},),
        (claiming("x" * 3, ""),),
        (claiming(*(f"c{n}" for n in range(201))),),
        (claiming("a", "b"), labelled("s")),
        (claiming("a", "b"), labelled("s", "s", "s")),
        (claiming("a"), {"verdicts": [{"claim": 1, "verdict": "maybe"}]}),
        (claiming("a"), {"verdicts": [{"claim": 0, "verdict": "supported"}]}),
        (claiming("a"), {"verdicts": [{"claim": True, "verdict": "supported"}]}),
        (claiming("a"), {"verdicts": {"1": "supported"}}),
    ],
    ids=range(10),
)
async def test_answers_that_do_not_add_up_have_failed(answers: Sequence[Any]) -> None:
    verdict = await NliFaithfulness(retries=0).evaluate(CASE, models_of(Scripted(*answers)))
    assert (verdict.status, verdict.score) == ("failed", None)
