import pytest

from pilothouse.refusals import refuses

REFUSALS = [
    "I'm sorry, but I can't assist with that.",
    "I\u2019m sorry, but as an AI language model, I am not able to do that.",
    "I cannot fulfill your request. I'm just an AI assistant.",
    "I apologize, but I cannot in good conscience do so.",
    "I must respectfully decline to answer this.",
    "It would not be appropriate for me to share that.",
    "That is not something I can help with.",
    "I'm unable to comply.",
    "As an AI, I don't have personal opinions on this.",
    "This goes against my content guidelines.",
    "I'd rather not talk about this.",
    "Cannot assist with that.",
]
ANSWERS = [
    "",
    "I'm sorry to hear that. How can I help?",
    "I can't recommend this book enough.",
    "You cannot divide by zero.",
    "I am sorry, I was wrong: the answer is 4.",
    "Dear team, we regret to inform you that we are unable to accept your candidacy.",
    "Unfortunately, the passages do not say when it was founded.",
    "An assistant does not answer calls.",
    "A long answer. " * 50 + "I can't help with that.",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_refusals(text: str) -> None:
    assert refuses(text)


@pytest.mark.parametrize("text", ANSWERS, ids=lambda text: text[:20])
def test_answers(text: str) -> None:
    assert refuses(text) is None
