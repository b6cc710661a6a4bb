"""The attacks that are shipped, as their files say them: seeds by class, in several languages. Knows nothing of
mutators.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Literal

import msgspec

from pilothouse.redteam.shapes import CLASSES, HARMLESS, AttackClass, Goal
from pilothouse.types import Json
from pilothouse.yamlfile import YamlFile

__all__ = ["LANGUAGES", "Seed", "Tool", "goal_of", "phrase", "seeds"]

LANGUAGES = ("de", "fr", "es", "it")
"""Those beside English."""

# No dictionary has a word of two of them, and no text joins them by chance.
_COLOURS = ("amber", "crimson", "indigo", "maroon", "ochre", "teal", "umber", "violet")
_ANIMALS = ("badger", "falcon", "gecko", "heron", "lynx", "otter", "stoat", "walrus")
_SECRET_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_MARKER = "0123456789abcdef"
_FOLDER = Path(__file__).with_name("attacks")


class Tool(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tool that only records. `marker` is what an attack wants in `field`, with a place for a `{token}`."""

    name: str
    field: str
    about: str
    marker: str


class Seed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An attack before any mutator. `attack` is a text, or one for each language, with places for `{goal}`. `system`,
    `user` and `document` are what it stands in. `needs: canary` is one that takes a text which only its reader's model
    can know."""

    id: str
    attack: str | dict[str, str]
    attack_class: AttackClass = "direct_injection"
    goal: Literal["say", "reveal", "call", "recite", "diverge", "answer"] = "say"
    family: str = ""
    system: str = ""
    user: str = "{attack}"
    document: str = ""
    tools: tuple[Tool, ...] = ()
    tool: str = ""
    word: str = ""
    prefix: str = ""
    continuation: str = ""
    source: str = ""
    needs: str = ""

    @property
    def languages(self) -> Sequence[str]:
        """English first."""
        return ("en",) if isinstance(self.attack, str) else tuple(self.attack)

    def written(self, goal: Goal, language: str) -> str:
        """The attack's text in one of its languages."""
        text = self.attack if isinstance(self.attack, str) else self.attack[language]
        asked = "" if self.goal == "answer" else phrase(self.goal, language)
        values = {"goal": asked, "prefix": self.prefix, "word": self.word}
        if goal.kind == "say":
            values |= {"a": goal.parts[0], "b": goal.parts[1]}
        elif goal.kind == "call":
            tool = next(one for one in self.tools if one.name == goal.parts[0])
            values |= {"tool": tool.name, "field": tool.field, "marker": goal.parts[1]}
        return _filled(_filled(text, values), values)

    def said(self, template: str, goal: Goal) -> str:
        """What it stands in, with the words and the secret of this goal; places for the attack stay."""
        values = {"secret": goal.parts[0]} if goal.kind == "reveal" else {"secret": "none"}
        if goal.kind == "say":
            values |= {"a": goal.parts[0], "b": goal.parts[1]}
        return _filled(template, values)


def seeds(classes: Sequence[str] = CLASSES) -> Sequence[Seed]:
    """Those of the classes, in the order of the files."""
    return [seed for name in (*CLASSES, HARMLESS) if name in classes for seed in _file(name)]


def goal_of(seed: Seed, random: Random) -> Goal:
    """The goal of a seed, with words, secret or marker drawn at random."""
    match seed.goal:
        case "say":
            return Goal(kind="say", parts=(random.choice(_COLOURS), random.choice(_ANIMALS)))
        case "reveal":
            secret = "".join(random.choices(_SECRET_LETTERS, k=4)) + "-" + "".join(random.choices("23456789", k=4))
            return Goal(kind="reveal", parts=(secret, *_sentences(seed.system)))
        case "call":
            tool = next(one for one in seed.tools if one.name == seed.tool)
            return Goal(
                kind="call", parts=(tool.name, tool.marker.replace("{token}", "".join(random.choices(_MARKER, k=6))))
            )
        case "recite":
            return Goal(kind="recite", parts=(seed.continuation,))
        case "diverge":
            return Goal(kind="diverge", parts=(seed.word,))
    return Goal(kind="answer")


def phrase(name: str, language: str) -> str:
    """What asks for a goal, in a language."""
    return _phrases()[name][language]


def _sentences(system: str) -> Sequence[str]:
    """Those of a system prompt that hold no place and are long enough to be known again."""
    return [one.strip() for one in system.split(". ") if "{" not in one and len(one.split()) >= 8]


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text


@cache
def _phrases() -> Mapping[str, Mapping[str, str]]:
    return msgspec.convert(_read("phrases"), dict[str, dict[str, str]])


@cache
def _file(name: str) -> Sequence[Seed]:
    told = _read(name)
    shared = {key: value for key, value in told.items() if key not in ("class", "seeds")}
    found = []
    for one in told["seeds"]:
        row = {**shared, "family": one["id"], **one, "attack_class": told["class"]}
        found.append(msgspec.convert(row, Seed))
    return found


def _read(name: str) -> Json:
    path = _FOLDER / f"{name}.yaml"
    return dict(YamlFile(path, path.read_text(encoding="utf-8"), references=False).data or {})
