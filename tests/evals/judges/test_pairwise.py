"""Two answers, in both orders."""

from typing import Any

import pytest

from pilothouse.evals.judges.pairwise import Pairwise, position_flips
from pilothouse.evals.shapes import Case, Verdict

from .conftest import CASE, Scripted, models_of

OTHER = Case(id="1", input="Who?", output="Mine.", metadata={"baseline": "Theirs."})


async def compared(first: str, second: str, **options: Any) -> Verdict:
    chat = Scripted({"better": first, "explanation": "One."}, {"better": second, "explanation": "Two."})
    return await Pairwise(against="baseline", **options).evaluate(OTHER, models_of(chat))


@pytest.mark.parametrize(
    ("first", "second", "label", "score", "flipped"),
    [
        ("first", "second", "win", 1.0, False),
        ("second", "first", "loss", 0.0, False),
        ("tie", "tie", "tie", 0.5, False),
        ("first", "first", "tie", 0.5, True),
        ("second", "second", "tie", 0.5, True),
        ("first", "tie", "tie", 0.5, False),
        ("tie", "first", "tie", 0.5, False),
        ("Second", "TIE", "tie", 0.5, False),
    ],
)
async def test_what_holds_in_both_orders_counts(
    first: str, second: str, label: str, score: float, flipped: bool
) -> None:
    verdict = await compared(first, second)
    assert (verdict.label, verdict.score, verdict.detail["flipped"]) == (label, score, flipped)
    assert verdict.passed == (label != "loss")
    assert (verdict.cost_nano, verdict.detail["explanations"]) == (14, ["One.", "Two."])


async def test_each_order_is_asked_for() -> None:
    chat = Scripted({"better": "tie"})
    await Pairwise(against="baseline", criteria="Kinder.").evaluate(OTHER, models_of(chat))
    assert [prompt.index("Mine.") < prompt.index("Theirs.") for prompt in chat.prompts] == [True, False]
    assert all("better, by this criterion: Kinder.?" in prompt for prompt in chat.prompts)


async def test_the_expected_output_is_the_other_unless_told() -> None:
    chat = Scripted({"better": "first"}, {"better": "second"})
    assert (await Pairwise().evaluate(CASE, models_of(chat))).label == "win"
    lacking = await Pairwise(against="old").evaluate(OTHER, models_of(chat))
    assert (lacking.status, "'old' in its metadata" in lacking.explanation) == ("skipped", True)
    assert (await Pairwise().evaluate(OTHER, models_of(chat))).status == "skipped"


async def test_the_same_answer_twice_costs_nothing() -> None:
    chat = Scripted("never asked")
    case = Case(id="1", input="Who?", output="Same.", expected="Same.")
    verdict = await Pairwise().evaluate(case, models_of(chat))
    assert (verdict.label, verdict.cost_nano, chat.asked) == ("tie", 0, [])


async def test_a_half_that_fails_is_no_preference() -> None:
    verdict = await compared("first", "both are fine", retries=0)
    assert (verdict.status, verdict.label, verdict.cost_nano) == ("failed", None, 14)


async def test_flips_are_counted_where_the_judge_was_asked() -> None:
    orders = [("first", "first"), ("second", "second"), ("first", "second"), ("tie", "tie"), ("first", "first")]
    verdicts = [await compared(*order) for order in orders]
    verdicts += [await compared("neither", "both", retries=0)]
    same = Case(id="1", input="", output="x", metadata={"baseline": "x"})
    verdicts.append(await Pairwise(against="baseline").evaluate(same, models_of(Scripted(""))))
    flips = position_flips(verdicts)
    assert (flips.asked, flips.flipped, flips.first, flips.rate) == (5, 3, 2, 0.6)
    assert position_flips([]).rate is None
