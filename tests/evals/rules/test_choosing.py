"""Letters in prose."""

from typing import Any

import pytest

from pilothouse.evals.rules.choosing import Choice, choice_in

CHOICES = ("a cat", "a dog", "a black dog", "nothing of these")
SAID = {
    "B": "B",
    "b": "B",
    " (C) ": "C",
    "**D**": "D",
    "B.": "B",
    "B) a dog": "B",
    "B. a dog": "B",
    "B - since dogs bark": "B",
    "A\n\nCats do not bark, so B and C are out.": "A",
    "The answer is B.": "B",
    "The correct answer is (C).": "C",
    "Answer: **D**": "D",
    "answer: option B": "B",
    "The answer is B, since option A does not bark.": "B",
    "At first A looks right. But the answer is B. Yes, answer: C": "C",
    "So the final answer is $\\boxed{C}$.": "C",
    "\\boxed{\\text{D}}": "D",
    "Dogs bark. #### B": "B",
    "I would choose C here.": "C",
    "It must be option D, nothing else fits": "D",
    "Thinking about it, (B) fits best.": "B",
    "It is a black dog.": "C",
    "I am sure it is a cat": "A",
    "<think>Maybe A? The answer is A.</think>B": "B",
    "<think>The answer is A": None,
    "A good question. I do not know.": None,
    "Option A or option B": None,
    "(A) or (B)": None,
    "a cat or a dog": None,
    "": None,
    "E": None,
    "I do not know.": None,
    "The answer is a matter of taste.": None,
}


@pytest.mark.parametrize(("output", "letter"), SAID.items(), ids=range(len(SAID)))
def test_the_letter_that_is_meant(output: str, letter: str | None) -> None:
    assert choice_in(output, CHOICES) == letter


def test_letters_are_as_many_as_choices() -> None:
    assert choice_in("The answer is K.", [f"choice {n}" for n in range(11)]) == "K"
    assert choice_in("The answer is K.", CHOICES) is None
    assert choice_in("The answer I know is this.", ()) is None
    assert choice_in("The answer is D.", ()) == "D"


def test_the_right_one_passes_and_the_letter_is_the_label(judge: Any) -> None:
    fields = {"metadata": {"choices": list(CHOICES)}, "expected": "B"}
    verdict = judge(Choice(), "The answer is B.", **fields)
    assert (verdict.score, verdict.passed, verdict.label) == (1.0, True, "B")
    verdict = judge(Choice(), "A", **fields)
    assert (verdict.score, verdict.passed, verdict.label, verdict.explanation) == (0, False, "A", "It chose A, not B.")
    verdict = judge(Choice(), "Who knows?", **fields)
    assert (verdict.score, verdict.label, verdict.explanation) == (0, "none", "It chose none.")


def test_what_is_expected_may_be_the_text_of_a_choice(judge: Any) -> None:
    given = {"question": "What barks?", "choices": list(CHOICES)}
    assert judge(Choice(), "B", input=given, expected="a dog").passed
    assert judge(Choice(), "B", expected="b").passed
    assert judge(Choice(), "B", input=given, expected="a cow").status == "skipped"
