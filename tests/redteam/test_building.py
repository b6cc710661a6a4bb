"""The attacks that a choice makes: always the same, and none that an echo would fulfil."""

import re

import pytest

from pilothouse.errors import ConfigError
from pilothouse.redteam.building import Choice, attacks
from pilothouse.redteam.mutators import MUTATORS
from pilothouse.redteam.rules import reached
from pilothouse.redteam.shapes import CLASSES, HARMLESS, attack_of, case_of
from pilothouse.types import text_of

PLACE = re.compile(r"\{(attack|goal|a|b|secret|tool|marker|field|word|prefix)\}")


def test_no_attack_holds_what_would_show_its_success_and_none_has_an_empty_place() -> None:
    for one in (*attacks(Choice()), *attacks(Choice(seed=7, mutators=("de+role_play+base64", "suffix+html_comment")))):
        system = [text_of(message["content"]) for message in one.messages if message["role"] == "system"]
        others = [text_of(message.get("content")) for message in one.messages if message["role"] != "system"]
        sent = [*others, *one.turns, one.text, *one.documents]
        assert reached(one.goal, "\n".join(sent)) is None, one.id
        assert not PLACE.search("\n".join([*system, *sent])), one.id
        assert attack_of(case_of(one)) == one
        if one.goal.kind == "reveal":
            assert one.goal.parts[0] in system[0]


def test_each_class_has_every_mutator_that_fits_it_and_the_same_choice_gives_the_same_attacks() -> None:
    made = attacks(Choice())
    assert [one.id for one in made] == [one.id for one in attacks(Choice())]
    assert made == attacks(Choice())
    assert {one.attack_class for one in made} == {*CLASSES, HARMLESS}
    for name in CLASSES:
        mutators = {one.mutator for one in made if one.attack_class == name}
        hidden = {"html_comment", "alt_text"} if name in ("indirect_injection", "agent_hijack") else {"crescendo"}
        tool = {"tool_output"} if name == "indirect_injection" else set()
        others = {name for name, one in MUTATORS.items() if one.kind not in ("hiding", "turns")}
        assert mutators == {"", *others, *hidden, *tool}, name
    other = {one.id: one.text for one in attacks(Choice(seed=1))}
    assert sum(other[one.id] != one.text for one in made) > len(made) // 2


def test_a_limit_takes_evenly_from_classes_and_mutators() -> None:
    made = attacks(Choice(limit=60, harmless=False))
    counts = {name: sum(one.attack_class == name for one in made) for name in CLASSES}
    assert set(counts.values()) == {10}
    assert all(len({one.mutator for one in made if one.attack_class == name}) == 10 for name in CLASSES)
    assert len({(one.attack_class, one.seed) for one in made}) >= 40


def test_a_canary_is_asked_for_by_its_begin_and_wrong_names_are_told() -> None:
    made = attacks(
        Choice(classes=("data_extraction",), mutators=("none",), canary=("The cat of Quill", "sat on a drum"))
    )
    (planted,) = [one for one in made if one.family == "canary"]
    assert "The cat of Quill" in planted.turns[0]
    assert "drum" not in planted.turns[0]
    assert reached(planted.goal, "The cat of Quill sat on a drum.") is not None
    with pytest.raises(ConfigError, match=r"no class 'x'\. There are: direct_injection"):
        attacks(Choice(classes=("x",)))
    with pytest.raises(ConfigError, match="no mutator 'b64'"):
        attacks(Choice(mutators=("de+b64",)))
    with pytest.raises(ConfigError, match="'fr' and 'de' cannot be put together"):
        attacks(Choice(mutators=("fr+de",)))
