"""The four metrics of RAGAS, by cases worked out by hand."""

from typing import Any

import pytest

from pilothouse.errors import ConfigError, ModelFilesError
from pilothouse.evals.judges.ragas import (
    AnswerRelevance,
    ContextPrecision,
    ContextRecall,
    Faithfulness,
    average_precision,
)
from pilothouse.evals.shapes import Case
from pilothouse.types import Json

from .conftest import CASE, HashedWords, Scripted, models_of
from .test_claims import claiming, labelled


async def test_faithfulness_is_the_share_of_claims_that_the_passages_support() -> None:
    chat = Scripted(claiming("a", "b", "c"), labelled("s", "n", "c"))
    verdict = await Faithfulness().evaluate(CASE, models_of(chat))
    assert (verdict.score, verdict.passed) == (pytest.approx(1 / 3), False)
    assert verdict.explanation == '1 of 3 claims are supported; not: "b" (not found), "c" (contradicted).'


async def test_an_answer_without_claims_has_no_faithfulness() -> None:
    verdict = await Faithfulness().evaluate(CASE, models_of(Scripted(claiming())))
    assert (verdict.status, verdict.cost_nano) == ("skipped", 7)


async def test_recall_is_the_share_of_expected_claims_that_the_passages_support() -> None:
    chat = Scripted(claiming("a", "b", "c", "d"), labelled("s", "s", "n", "s"))
    verdict = await ContextRecall().evaluate(CASE, models_of(chat))
    assert (verdict.score, verdict.passed) == (0.75, True)
    assert "<<<text " in chat.prompts[0]
    assert "Ada.\n<<<end of text" in chat.prompts[0], "the claims are those of the expected output"
    assert (await ContextRecall().evaluate(CASE, models_of(Scripted(claiming())))).status == "skipped"


def using(*useful: int) -> Json:
    return {"verdicts": [{"passage": n, "useful": bool(one), "reason": "r"} for n, one in enumerate(useful, 1)]}


@pytest.mark.parametrize(
    ("useful", "score"),
    [
        ((1, 0), 1.0),
        ((0, 1), 1 / 2),
        ((1, 1), 1.0),
        ((0, 0), 0.0),
        ((1, 0, 1), (1 + 2 / 3) / 2),
        ((0, 1, 1, 0, 1), (1 / 2 + 2 / 3 + 3 / 5) / 3),
    ],
    ids=range(6),
)
def test_average_precision(useful: tuple[int, ...], score: float) -> None:
    assert average_precision([bool(one) for one in useful]) == pytest.approx(score)


async def test_precision_is_that_of_the_order_of_the_passages() -> None:
    chat = Scripted(using(0, 1))
    verdict = await ContextPrecision().evaluate(CASE, models_of(chat))
    assert (verdict.score, verdict.detail["by"]) == (0.5, "expected")
    assert "Ada.\n<<<end of answer" in chat.prompts[0]
    by_output = Case(id="1", input="Who?", output="Ada did.", context=("a", "b"))
    verdict = await ContextPrecision().evaluate(by_output, models_of(Scripted(using(1, 0))))
    assert (verdict.score, verdict.detail["by"]) == (1.0, "output")
    short = await ContextPrecision(retries=0).evaluate(CASE, models_of(Scripted(using(1))))
    assert (short.status, "nothing for passage 2" in short.explanation) == ("failed", True)


def asking(*questions: tuple[str, bool]) -> Json:
    return {"questions": [{"question": text, "noncommittal": one} for text, one in questions]}


async def test_relevance_is_the_mean_cosine_to_the_questions_made_up(encode: HashedWords) -> None:
    """Over counted words: cosines 1, 1/2 and 0 to "who wrote"."""
    made = asking(("who wrote", False), ("who sang", False), ("tea?", True))
    chat = Scripted(made)
    case = Case(id="1", input="who wrote", output="Ada.")
    verdict = await AnswerRelevance(passing=0.4).evaluate(case, models_of(chat, encode=encode))
    assert (verdict.score, verdict.passed, verdict.label) == (pytest.approx(0.5), True, None)
    assert [one["cosine"] for one in verdict.detail["questions"]] == pytest.approx([1.0, 0.5, 0.0])
    assert "who wrote" not in chat.prompts[0], "the questions are made up from the answer alone"


async def test_an_answer_that_is_noncommittal_throughout_is_not_relevant(encode: HashedWords) -> None:
    made = asking(*[("who wrote", True)] * 3)
    case = Case(id="1", input="who wrote", output="I do not know.")
    verdict = await AnswerRelevance().evaluate(case, models_of(Scripted(made), encode=encode))
    assert (verdict.score, verdict.label, verdict.passed) == (0.0, "noncommittal", False)


async def test_an_empty_answer_is_not_relevant_and_nobody_is_asked(encode: HashedWords) -> None:
    chat = Scripted("never asked")
    verdict = await AnswerRelevance().evaluate(Case(id="1", input="Who?"), models_of(chat, encode=encode))
    assert (verdict.score, verdict.label, verdict.passed, chat.asked) == (0.0, "empty", False, [])


async def test_relevance_needs_a_question_and_the_encoder(encode: HashedWords) -> None:
    chat = Scripted("never asked")

    class Away(HashedWords):
        async def __call__(self, texts: Any) -> Any:
            raise ModelFilesError("The encoder's files are not there.")

    for case, encoder in [(CASE, None), (CASE, Away()), (Case(id="1", input="", output="a"), encode)]:
        verdict = await AnswerRelevance().evaluate(case, models_of(chat, encode=encoder))
        assert (verdict.status, verdict.score) == ("skipped", None)
    assert chat.asked == []


@pytest.mark.parametrize(
    "answer",
    [asking(("a", False)), asking(("a", False), ("", False), ("c", True)), {"questions": ["a", "b", "c"]},
     {"questions": [{"question": "a"}] * 3}],
    ids=range(4),
)  # fmt: skip
async def test_other_than_the_questions_asked_for_has_failed(answer: Any, encode: HashedWords) -> None:
    verdict = await AnswerRelevance(retries=0).evaluate(CASE, models_of(Scripted(answer), encode=encode))
    assert (verdict.status, verdict.score) == ("failed", None)


def test_options_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError):
        AnswerRelevance(questions=0)


async def test_what_a_case_lacks_is_named_and_nobody_is_asked() -> None:
    chat = Scripted("never asked")
    bare = Case(id="1", input="Who?", output="Ada.")
    for evaluator in (Faithfulness(), ContextPrecision(), ContextRecall()):
        assert (await evaluator.evaluate(bare, models_of(chat))).status == "skipped"
    assert chat.asked == []
