"""Correct by what was expected, and by what a corpus knows."""

from typing import Any

import pytest

from pilothouse.errors import ConfigError, UnknownModel
from pilothouse.evals.judges.correctness import Correctness, KnowledgeBase, f1
from pilothouse.evals.shapes import Case
from pilothouse.types import ChatRequest

from .conftest import CASE, Scripted, models_of
from .test_claims import claiming, labelled


async def test_the_f1_of_claims_said_and_claims_expected() -> None:
    chat = Scripted(claiming("w", "x", "y"), claiming("a", "b"), labelled("s", "c"), labelled("s", "n", "n"))
    verdict = await Correctness().evaluate(CASE, models_of(chat))
    assert (verdict.detail["precision"], verdict.detail["recall"]) == (0.5, pytest.approx(1 / 3))
    assert verdict.score == pytest.approx(0.4)
    assert verdict.cost_nano == 28
    assert [one["claim"] for one in verdict.detail["expected_claims"]] == ["w", "x", "y"]
    expected, said, right, reached = chat.prompts
    assert "Ada.\n<<<end of text" in expected
    assert "Ada did.\n<<<end of text" in said
    assert "1. a\n2. b" in right
    assert "Ada.\n<<<end of expected answer" in right
    assert "1. w\n2. x\n3. y" in reached
    assert "Ada did.\n<<<end of answer" in reached


async def test_an_output_that_says_nothing_is_wrong() -> None:
    verdict = await Correctness().evaluate(CASE, models_of(Scripted(claiming("w"), claiming())))
    assert (verdict.score, verdict.passed) == (0.0, False)
    empty = Case(id="1", input="Who?", expected="Ada.")
    assert (await Correctness().evaluate(empty, models_of(Scripted(claiming("w"))))).score == 0.0


async def test_an_expectation_that_says_nothing_is_skipped() -> None:
    assert (await Correctness().evaluate(CASE, models_of(Scripted(claiming())))).status == "skipped"
    assert (await Correctness().evaluate(Case(id="1", input=""), models_of(Scripted("")))).status == "skipped"


@pytest.mark.parametrize(("precision", "recall", "mean"), [(0, 0, 0), (1, 1, 1), (1, 0, 0), (0.5, 1, 2 / 3)])
def test_f1(precision: float, recall: float, mean: float) -> None:
    assert f1(precision, recall) == pytest.approx(mean)


class Library(Scripted):
    """A judge, and a corpus that answers each question about a claim."""

    def __init__(self, *judged: Any) -> None:
        answers = iter(judged)
        super().__init__(lambda request: self._cited(request) if request.model == "rag:docs" else next(answers))

    @staticmethod
    def _cited(request: ChatRequest) -> bytes:
        claim = request.last_user_text().rpartition(": ")[2]
        return (
            b'{"choices": [{"message": {"content": "The documents: %s [1]"}}], "citations": [{"place": "a.md, Tea"}]}'
            % claim.encode()
        )


async def test_a_corpus_is_asked_about_each_claim() -> None:
    chat = Library(claiming("Tea is hot.", "Ice is hot."), labelled("s", "c"))
    verdict = await KnowledgeBase(corpus="docs").evaluate(CASE, models_of(chat))
    assert (verdict.score, verdict.passed, verdict.cost_nano) == (0.5, False, 28)
    assert [request.model for request in chat.asked] == ["wise", "rag:docs", "rag:docs", "wise"]
    assert set(chat.asked[1].body) == {"model", "messages"}
    assert chat.prompts[1].endswith("What do the documents say about this: Tea is hot.")
    assert "The documents: Tea is hot. [1]\n<<<end of documents 1" in chat.prompts[3]
    assert verdict.detail["sources"] == ["a.md, Tea"]
    assert verdict.detail["corpus"] == "rag:docs"


async def test_as_many_claims_as_may_be_are_checked_and_the_others_told() -> None:
    chat = Library(claiming("a", "b", "c"), labelled("s"))
    verdict = await KnowledgeBase(corpus="rag:docs", most_claims=1).evaluate(CASE, models_of(chat))
    assert (verdict.score, verdict.detail["unchecked"], len(chat.asked)) == (1.0, 2, 3)


async def test_without_claims_no_corpus_is_asked_and_without_a_corpus_the_run_stops() -> None:
    assert (await KnowledgeBase(corpus="docs").evaluate(CASE, models_of(Library(claiming())))).status == "skipped"
    with pytest.raises(ConfigError):
        KnowledgeBase(corpus=" ")
    chat = Scripted(claiming("a"), UnknownModel("There is no corpus 'docs'."))
    with pytest.raises(UnknownModel):
        await KnowledgeBase(corpus="docs").evaluate(CASE, models_of(chat))
