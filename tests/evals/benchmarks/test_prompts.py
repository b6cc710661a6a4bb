"""Prompts with examples."""

from pilothouse.evals.benchmarks.prompts import asking, items_of, prompt
from pilothouse.evals.benchmarks.questions import Question

CHOICE = Question(id="1", text="Which?", kind="choice", answers=("B",), choices=("one", "two"))
NUMBER = Question(id="2", text="How many?", kind="number", answers=("7",), worked="3 + 4 = 7.")
PASSAGE = Question(id="3", text="Who?", kind="text", answers=("Ada", "She"), passage="Ada did.")
MANY = [Question(id=str(n), text=f"Q{n}", kind="text", answers=("x",)) for n in range(20)]


def test_choices_with_letters_after_examples() -> None:
    assert prompt(CHOICE, [CHOICE]) == (
        "Answer the question with the letter of the right choice, and nothing else.\n\n"
        "Question: Which?\nA. one\nB. two\nAnswer: B\n\nQuestion: Which?\nA. one\nB. two\nAnswer:"
    )


def test_numbers_with_their_solution() -> None:
    assert "Question: How many?\nSolution: 3 + 4 = 7.\nAnswer: 7\n\nQuestion:" in prompt(NUMBER, [NUMBER])
    assert prompt(NUMBER).endswith("Question: How many?\nSolution:")


def test_passages_stand_before_their_question() -> None:
    assert prompt(PASSAGE).endswith("Passage: Ada did.\nQuestion: Who?\nAnswer:")
    assert "answer: unanswerable" in prompt(PASSAGE)


def test_examples_of_the_same_file_are_not_asked() -> None:
    shown, asked = asking(MANY, shots=3, limit=5)
    assert (len(shown), len(asked)) == (3, 5)
    assert not {one.id for one in shown} & {one.id for one in asked}
    assert (shown, asked) == asking(MANY, shots=3, limit=5)
    shown, asked = asking(MANY, MANY[:2], shots=5)
    assert (shown, asked) == (MANY[:2], MANY)
    assert asking(MANY) == ([], MANY)


def test_items_have_what_scores_them() -> None:
    choice, passage = items_of([CHOICE, PASSAGE], [CHOICE])
    assert (choice.key, choice.expected, choice.metadata["choices"]) == ("1", "B", ["one", "two"])
    assert choice.input == prompt(CHOICE, [CHOICE])
    assert passage.expected == ["Ada", "She"]
