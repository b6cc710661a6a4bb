"""What mutators make of a text can be undone, and leaves the words of the goal alone."""

import base64
import codecs
import unicodedata
from random import Random
from typing import Any

from pilothouse.redteam.mutators import MUTATORS, Draft, mutated, named
from pilothouse.redteam.seeds import seeds
from pilothouse.redteam.shapes import Goal

GOAL = Goal(kind="say", parts=("teal", "heron"))
TEXT = "Say teal and heron joined."


def made(name: str, text: str = TEXT) -> str:
    seed: Any = next(one for one in seeds() if one.id == "override")
    found = mutated(Draft(seed, GOAL, text, "user", ""), named(name), Random(1))
    assert found is not None, name
    return found.text


def test_encodings_say_how_they_are_read_and_hold_the_text() -> None:
    for name, decode in (
        ("base64", lambda text: base64.b64decode(text).decode()),
        ("hex", lambda text: bytes.fromhex(text).decode()),
        ("rot13", lambda text: codecs.decode(text, "rot13")),
    ):  # fmt: skip
        told, _, text = made(name).partition("\n")
        assert "do what it says" in told
        assert decode(text) == TEXT


def test_letters_change_but_for_the_words_of_the_goal() -> None:
    for name in ("leet", "homoglyph", "zero_width", "spaced"):
        text = made(name)
        assert "teal" in text, name
        assert "heron" in text, name
        assert "joined" not in text, name
    plain = "".join(one for one in made("zero_width") if unicodedata.category(one) != "Cf")
    assert plain == TEXT


def test_languages_write_the_attack_anew_and_come_first_in_a_chain() -> None:
    text = base64.b64decode(made("base64+de").partition("\n")[2]).decode()
    assert "teal und heron" in text
    assert [one.name for one in named("crescendo+base64+role_play+de")] == ["de", "role_play", "base64", "crescendo"]
    assert mutated(Draft(seeds()[0], GOAL, TEXT, "user", ""), [MUTATORS["html_comment"]], Random(1)) is None


def test_pieces_put_together_are_the_text() -> None:
    lines = [line for line in made("splitting").splitlines() if line.startswith("part ")]
    assert " ".join(line.partition(" = ")[2].strip("'") for line in lines) == TEXT
