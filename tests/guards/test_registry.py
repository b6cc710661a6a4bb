import pytest

from pilothouse.errors import ConfigError
from pilothouse.guards.registry import Guards
from pilothouse.guards.text.words import Words


def test_a_guard_is_made_by_its_name_and_options(guards: Guards) -> None:
    assert guards.from_config("words", {"words": ["acme"]}) == Words(words=("acme",))


def test_the_guards_that_come_along_can_all_be_loaded() -> None:
    there = Guards()
    assert {"length", "words"} <= {*there.names()}
    for name in there.names():
        assert there.kind(name).stages


def test_what_is_no_guard_is_told(guards: Guards) -> None:
    with pytest.raises(ConfigError, match=r"No pilothouse.guards named 'wrds'. Did you mean 'words'\?"):
        guards.kind("wrds")
