"""What is read from a question."""

import pytest

from pilothouse.cache.wording import read


@pytest.mark.parametrize(
    "text",
    [
        "Sorry to bother you, but how do I reset it?",
        "Good morning! How do I reset it? Thanks a lot!",
        "Could you please tell me: how do I reset it?",
    ],
)
def test_talk_about_asking_is_no_part_of_it(text: str) -> None:
    assert read(text).content == read("How do I reset it?").content


def test_talk_with_a_number_or_a_condition_is_part_of_it() -> None:
    assert read("Thanks, but as of 2019. How do I reset it?").numbers == ("2019",)
    assert "under" in read("I am under 18. Can I drive?").content


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("How long does it take?", "duration"), ("What does it cost?", "price"), ("Is it open?", "yes or no"),
        ("Pausing a contract", "how"), ("What makes it slow?", "why"), ("By whom is it read?", "who"),
        ("Whom does it read?", "whom"), ("Which plan is it?", "what"),
    ],
)  # fmt: skip
def test_the_kind_of_question(text: str, kind: str) -> None:
    assert read(text).kinds == {kind}


def test_numbers_stand_at_their_words_and_one_is_not_always_a_number() -> None:
    assert read("Two people on one screen").content == ("#2", "person", "on", "#1", "screen")
    assert "#1" not in read("Which one is faster?").content
