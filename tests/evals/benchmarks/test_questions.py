"""Questions drawn by chance."""

from pilothouse.evals.benchmarks.questions import Question, drawn

QUESTIONS = [Question(id=str(n), text=f"{n}?", kind="text", answers=("x",)) for n in range(50)]


def test_the_same_seed_draws_the_same_in_the_order_of_the_file() -> None:
    first = drawn(QUESTIONS, 5, 0, "shots")
    assert first == drawn(QUESTIONS, 5, 0, "shots")
    assert first != drawn(QUESTIONS, 5, 1, "shots")
    assert [QUESTIONS.index(one) for one in first] == sorted(QUESTIONS.index(one) for one in first)
    assert drawn(QUESTIONS, 99, 0) == QUESTIONS
    assert drawn(QUESTIONS, 0, 0) == []


def test_what_a_case_keeps_of_a_question() -> None:
    question = Question(id="1", text="Which?", kind="choice", answers=("A",), choices=("x", "y"), subject="letters")
    assert question.metadata == {"question": "Which?", "choices": ["x", "y"], "subject": "letters"}
    assert QUESTIONS[0].metadata == {"question": "0?"}
