"""What parts two questions, and what does not."""

import pytest

from pilothouse.cache import vetoes
from pilothouse.cache.wording import read


def conflict(one: str, other: str) -> str | None:
    return vetoes.conflict(read(one), read(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I reset my password?", "What is the way to reset my password?"),
        ("What does it cost for 1,000 users?", "What's the cost for 1000 users?"),
        ("Does the plan have three seats?", "Does the plan have 3 seats?"),
        ("How do I view Kubernetes logs?", "How do I view Kuberetes logs?"),
        ("Why is nginx slow?", "What makes nginx slow?"),
        ("Where is my order #10482?", "where's order #10482 pls"),
        ("Wie ist das Wetter in Berlin?", "wie ist das wetter in Berlin"),
        ("In Python, how do I sort a list?", "How do I sort a list in Python?"),
        ("How do I reset my password?", "Sorry to bother you, but how can I reset my password? Thanks in advance!"),
        ("Can I take a bike on the tram?", "May I take my bike on the tram"),
        ("What is the reason my loop is slow?", "My loop is slow, why?"),
        ("What is your refund policy?", "What is the refund policy?"),
        ("How do I reset my password?", "Can you tell me how to reset my password?"),
        ("How do we reset my password?", "How do I reset my password?"),
    ],
)
def test_questions_that_one_answer_serves(one: str, other: str) -> None:
    assert conflict(one, other) is None
    assert conflict(other, one) is None
    assert conflict(one, one) is None


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ("Can I return it within 30 days?", "Can I return it within 60 days?", "numbers"),
        ("Is version 3.9 supported?", "Is version 3.11 supported?", "numbers"),
        ("How many miles is it?", "How many km is it?", "units"),
        ("Is the store open on Sunday?", "Is the store open on Monday?", "times"),
        ("What does it cost per month?", "What does it cost per year?", "times"),
        ("Is this plan for all users?", "Is this plan for users?", "quantifiers"),
        ("Can I eat this?", "Can't I eat this?", "negation"),
        ("Is it safe with alcohol?", "Is it safe without alcohol?", "negation"),
        ("Who wrote the report?", "When did they write the report?", "question"),
        ("How do I increase the limit?", "How do I decrease the limit?", "opposites"),
        ("How do I enable the feature?", "How do I disable the feature?", "opposites"),
        ("Can I freeze cooked rice?", "Can I freeze uncooked rice?", "opposites"),
        ("What is the capital of France?", "What is the capital of Spain?", "names"),
        ("What does load_file do?", "What does find_file do?", "names"),
        ('What does "foo" mean?', 'What does "bar" mean?', "names"),
        ("How do I get from work to school?", "How do I get from school to work?", "direction"),
        ("How do I delete a user?", "How do I delete a user of another tenant?", "words"),
        ("Can I tow a trailer with a car?", "Can I tow a car with a trailer?", "order"),
        ("Do children travel without parents?", "Do parents travel without children?", "order"),
        ("Do you ship to Norway?", "Do you ship from Norway?", "direction"),
        ("What goes with a baguette?", "What goes in a baguette?", "direction"),
        ("What happened during 1914?", "What happened before 1914?", "times"),
        ("When did it become independent?", "How did it become independent?", "question"),
        ("Who may collect my child?", "Who must collect my child?", "modality"),
        ("How many people live in France?", "How many people lived in France?", "tense"),
        ("Is an intern paid for training?", "Does an intern pay for training?", "tense"),
        ("Can my son use my card?", "Can my son use his card?", "owners"),
        ("How do I reset my password?", "How do I reset your password?", "owners"),
        ("What is our phone number?", "What is your phone number?", "owners"),
        ("What is my name?", "What's yours?", "words"),
        ("How old are you?", "How old am I?", "owners"),
        ("Are we open on Sunday?", "Are you open on Sunday?", "owners"),
        ("Can two people play on one screen?", "Can one person play on two screens?", "order"),
        ("Can I swap my seat in row 9?", "Can I swap my seat for row 9?", "order"),
        ("Is Mars brighter than the Moon?", "Is Mars brighter than the other Moon?", "words"),
        ("Does the plan end?", "Does the plan end, except for new users?", "negation"),
        ("Wie ist das Wetter und die Luft?", "What is the weather in the town?", "language"),
        ("Где мой заказ", "Where is my order", "language"),
    ],
)
def test_questions_that_need_answers_of_their_own(one: str, other: str, why: str) -> None:
    assert conflict(one, other) == why
    assert conflict(other, one) == why


@pytest.mark.parametrize("text", ["", "?", "42", "🙂", "a" * 512, "'" * 100, "(" * 200])
def test_any_text_can_be_compared(text: str) -> None:
    assert conflict(text, text) is None
