"""Words that tell groups apart."""

import pytest

from pilothouse.stats.keywords import holds, labelled, terms

MONEY = [f"How do I get a refund for order {n}?" for n in range(8)] + ["Where's my refund?", "Refunds take long"]
DOOR = ["Reset my password please", "I can’t reset the password", "password reset fails", "Reset PASSWORD now"]


def test_the_words_of_a_text() -> None:
    assert terms("How do I reset my Password-Manager, and Apple’s key?") == [
        "reset", "password-manager", "apple", "key", "apple key",
    ]  # fmt: skip
    assert terms("gift card refund") == ["gift", "card", "gift card", "refund", "card refund"]
    assert terms("the of 12 34 <>&") == []
    assert terms("Größe ändern, 東京 天気") == ["größe", "ändern", "größe ändern", "東京", "天気", "東京 天気"]
    assert len(terms(" ".join(f"word{i}x" for i in range(10_000)))) <= 61


def test_a_group_is_called_by_what_the_others_lack() -> None:
    money, door = labelled([MONEY, DOOR])
    assert money[:2] == ["refund", "order"]
    assert door == ["reset", "password"]


def test_a_pair_of_words_takes_the_place_of_its_words() -> None:
    (found, _) = labelled([["gift card lost", "my gift card", "a gift card please", "gift card?"], DOOR])
    assert found == ["gift card"]
    (found, _) = labelled([[f"weather forecast tomorrow city {n}" for n in range(9)], DOOR])
    assert found == ["weather forecast", "tomorrow city"]


@pytest.mark.parametrize("texts", [[], ["one alone", "other thing"], ["", "", ""], ["to be or not"] * 9])
def test_without_a_word_that_three_share_there_is_no_label(texts: list[str]) -> None:
    assert labelled([texts, MONEY])[0] == []


def test_a_label_holds_while_three_texts_say_it() -> None:
    assert holds(["refund", "order"], MONEY)
    assert not holds(["refund", "order"], [*MONEY[:2], *DOOR])
    assert not holds([], MONEY)
