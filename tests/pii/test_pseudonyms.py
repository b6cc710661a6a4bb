"""Stand-ins and the way back, however a text is cut."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.pii.pseudonyms import Pseudonyms, Restoring


def given_two() -> Pseudonyms:
    names = Pseudonyms()
    assert names.stand_in("email", "ada@example.com") == "<EMAIL_1>"
    assert names.stand_in("credit_card", "4111 1111 1111 1111") == "<CREDIT_CARD_1>"
    return names


def test_a_value_has_one_stand_in_however_it_is_written() -> None:
    names = given_two()
    assert names.stand_in("credit_card", "4111-1111-1111-1111") == "<CREDIT_CARD_1>"
    assert names.stand_in("email", "Ada@Example.com") == "<EMAIL_1>"
    assert names.stand_in("email", "bob@example.com") == "<EMAIL_2>"
    assert names
    assert not Pseudonyms()


def test_what_a_text_says_already_stands_for_nobody() -> None:
    names = Pseudonyms()
    names.avoid(["as <EMAIL_1> and <EMAIL_2> said"])
    assert names.stand_in("email", "ada@example.com") == "<EMAIL_3>"
    assert names.restored("<EMAIL_1> <EMAIL_3> <PHONE_1>") == "<EMAIL_1> ada@example.com <PHONE_1>"


def test_in_json_a_value_is_escaped() -> None:
    names = Pseudonyms()
    name = names.stand_in("secret", 'a"b\\c')
    assert json.loads(names.restored(f'{{"key": "{name}"}}', in_json=True)) == {"key": 'a"b\\c'}
    escaped = name.replace("<", "\\u003c").replace(">", "\\u003E")
    assert json.loads(names.restored(f'{{"key": "{escaped}"}}', in_json=True)) == {"key": 'a"b\\c'}


def test_what_was_replaced_is_hidden_elsewhere_too() -> None:
    names = given_two()
    names.note("030 901820", "[phone]")
    kept = {"to": ["ada@example.com", 7], "030 901820": None}
    assert names.hidden(kept) == {"to": ["<EMAIL_1>", 7], "[phone]": None}


@pytest.mark.parametrize("form", ["<EMAIL_1>", "&lt;EMAIL_1&gt;", "\\u003cEMAIL_1\\u003e"])
def test_each_way_of_writing_it_waits_from_its_first_sign(form: str) -> None:
    restoring = Restoring(given_two())
    assert [restoring.feed(sign) for sign in f"to {form}."] == [
        "t",
        "o",
        " ",
        *[""] * (len(form) - 1),
        "ada@example.com",
        ".",
    ]


PARTS = ["<EMAIL_1>", "<CREDIT_CARD_1>", "&lt;EMAIL_1&gt;", "\\u003cEMAIL_1\\u003e", "<", ">", "&", "\\", "<EMAIL_",
    "<b>", "\\n", "a < b",
         "<EMAIL_9>", "EMAIL_1>", " ", "x"]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=10).map("".join), st.integers(min_value=1, max_value=9))
def test_cut_or_whole_the_same_comes_back(text: str, size: int) -> None:
    names = given_two()
    restoring = Restoring(names)
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    assert "".join(map(restoring.feed, pieces)) + restoring.end() == names.restored(text)
