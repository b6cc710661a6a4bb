"""Answers that were paid for: the first one stays."""

import pytest

from pilothouse.errors import StorageError
from pilothouse.storage import Store
from pilothouse.storage.evaluating.eval_answers import EvalAnswers, KeptAnswer
from pilothouse.storage.tables import eval_answers

P = "default"


def test_an_answer_is_kept_once(store: Store) -> None:
    answers = EvalAnswers(store)
    first = KeptAnswer(body={"choices": [{"x": "é"}]}, latency_us=9, cost_nano=3, run_id="r", trace_id="t")
    answers.put(P, {"a": first, "b": KeptAnswer(body="\0", latency_us=1, cost_nano=None, source_user="u")})
    answers.put(P, {"a": KeptAnswer(body="other", latency_us=1), "c": KeptAnswer(body=1, latency_us=0)})
    answers.put(P, {})
    found = answers.get(P, ["a", "b", "c", "d"])
    assert (found["a"], found["b"].body, found["b"].cost_nano, found["b"].source_user) == (first, "\0", None, "u")
    assert answers.known(P, ["a", "d"]) == {"a"}
    assert answers.get("far", ["a"]) == {} == answers.get(P, [])


def test_one_that_cannot_be_read_says_so(store: Store) -> None:
    EvalAnswers(store).put(P, {"a": KeptAnswer(body=1, latency_us=0)})
    with store.control.begin() as connection:
        connection.execute(eval_answers.update().values(body=b"broken"))
    with pytest.raises(StorageError, match="kept answer 'a' cannot be read"):
        EvalAnswers(store).get(P, ["a"])
