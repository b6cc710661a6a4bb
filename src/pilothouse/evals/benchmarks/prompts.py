"""Questions as prompts: what to do, a few examples with their answers, and the question. Knows nothing of files."""

from collections.abc import Iterable, Sequence

from pilothouse.evals.benchmarks.questions import LETTERS, UNANSWERABLE, Kind, Question, drawn
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.types import Json

__all__ = ["EVALUATORS", "asking", "items_of", "prompt"]

EVALUATORS: dict[Kind, tuple[str | Json, ...]] = {
    "choice": ("choice",),
    "number": ({"use": "numbers", "which": "final"},),
    "text": ("normalised_match", "token_f1"),
}
"""What scores an answer of each kind, as a suite names it; SQuAD's exact match and F1 for texts."""

_TASK: dict[Kind, str] = {
    "choice": "Answer the question with the letter of the right choice, and nothing else.",
    "number": "Solve the problem step by step. End with a line that says `Answer:` and the number alone.",
    "text": "Answer the question with as few words as can be, and nothing else.",
}
_PASSAGE = f" Take them from the passage. Where it does not tell, answer: {UNANSWERABLE}"


def asking(
    questions: Sequence[Question], examples: Sequence[Question] = (), *, shots: int = 0, limit: int | None = None,
    seed: int = 0,
) -> tuple[list[Question], list[Question]]:  # fmt: skip
    """The examples to show and the questions to ask. Examples are drawn from `examples`, else from the questions
    themselves, which are then not asked; of the questions `limit` are drawn. All by `seed` alone."""
    shown = drawn(examples or questions, shots, seed, "shots") if shots else []
    taken = {question.id for question in shown} if not examples else set()
    left = [question for question in questions if question.id not in taken]
    return shown, left if limit is None else drawn(left, limit, seed, "questions")


def items_of(questions: Iterable[Question], shown: Sequence[Question] = ()) -> list[NewItem]:
    """An item of a dataset for each question, whose input is its prompt."""
    return [
        NewItem(
            key=question.id, input=prompt(question, shown), metadata=question.metadata,
            expected=question.answers[0] if len(question.answers) == 1 else list(question.answers),
        )
        for question in questions
    ]  # fmt: skip


def prompt(question: Question, shown: Sequence[Question] = ()) -> str:
    """What is asked, after the examples."""
    task = _TASK[question.kind] + (_PASSAGE if question.passage else "")
    return "\n\n".join([task, *(f"{_block(one)} {_solution(one)}" for one in shown), _block(question)])


def _block(question: Question) -> str:
    lines = [f"Passage: {question.passage}"] if question.passage else []
    lines.append(f"Question: {question.text}")
    lines += [f"{letter}. {choice}" for letter, choice in zip(LETTERS, question.choices, strict=False)]
    return "\n".join([*lines, "Solution:" if question.kind == "number" else "Answer:"])


def _solution(question: Question) -> str:
    if question.kind == "number":
        return f"{question.worked or ''}\nAnswer: {question.answers[0]}".lstrip()
    return question.answers[0]
