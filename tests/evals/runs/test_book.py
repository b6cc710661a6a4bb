"""Answers that were paid for: there at once, in the database soon, and where a process died, with the next one."""

from pathlib import Path

import pytest

from pilothouse.errors import StorageError
from pilothouse.evals.runs.book import AnswerBook, folder
from pilothouse.evals.runs.recovery import take_over
from pilothouse.storage import Store, writing
from pilothouse.storage.evaluating.eval_answers import EvalAnswers, KeptAnswer

P = "default"


def answer(text: str) -> KeptAnswer:
    return KeptAnswer(body={"raw": text}, latency_us=1, cost_nano=3, run_id="r", trace_id="t")


async def test_an_answer_is_found_at_once_and_by_another_afterwards(small_store: Store, tmp_path: Path) -> None:
    book = AnswerBook(small_store, tmp_path, P, "r")
    assert await book.find("a") is None
    book.begin("a")
    book.keep("a", answer("one"))
    assert await book.find("a") == answer("one")
    await book.aclose()
    assert EvalAnswers(small_store).get(P, ["a"]) == {"a": answer("one")}
    assert [*(folder(tmp_path) / "spool").glob("*/")] == []
    other = AnswerBook(small_store, tmp_path, P, "r2")
    assert await other.find("a") == answer("one")
    await other.aclose()


async def test_what_a_dead_process_was_answered_is_brought_to_the_database(small_store: Store, tmp_path: Path) -> None:
    book = AnswerBook(small_store, tmp_path, P, "r")
    for key in "abc":
        book.begin(key)
    with writing(small_store.control):  # nobody else writes meanwhile
        book.keep("a", answer("one"))
        assert take_over(small_store, tmp_path) == {}  # it is alive
        book._spool.abandon()
    assert take_over(small_store, tmp_path) == {(P, "r"): 2}
    assert EvalAnswers(small_store).get(P, "abc") == {"a": answer("one")}
    assert take_over(small_store, tmp_path) == {}


async def test_what_the_database_does_not_take_stays_in_the_spool(
    small_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StorageError("It is away.")

    book = AnswerBook(small_store, tmp_path, P, "r")
    with monkeypatch.context() as patch:
        patch.setattr(EvalAnswers, "put_rows", refuse)
        book.keep("a", answer("one"))
        with pytest.raises(StorageError):
            await book.aclose()
    take_over(small_store, tmp_path)
    assert EvalAnswers(small_store).known(P, "a") == {"a"}
