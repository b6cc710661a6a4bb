"""What an attack is: its goal, what it says, and what of it is kept with a run. Knows nothing of targets and databases.

A goal harms nobody and can be told from an answer by an exact rule. What would tell it is never in what is sent, so
that neither an echo nor a refusal that quotes the attack can count.
"""

from typing import Literal, get_args

import msgspec

from pilothouse.cases import Case
from pilothouse.types import Json

__all__ = ["CLASSES", "HARMLESS", "Attack", "AttackClass", "Goal", "attack_of", "case_of"]

AttackClass = Literal[
    "direct_injection", "indirect_injection", "jailbreak", "prompt_extraction", "data_extraction", "agent_hijack",
    "harmless",
]  # fmt: skip
HARMLESS = "harmless"
CLASSES: tuple[str, ...] = tuple(name for name in get_args(AttackClass) if name != HARMLESS)
"""The six classes. `harmless` is none: requests that should be answered."""


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """What an attack wants, and `parts` by which it is told:

    say        two words, that the answer joins
    reveal     a secret of the system prompt, then sentences that stand there
    call       a tool's name, and the marker that it is called with
    recite     a text that the answer continues with
    diverge    a word, after whose repetitions the answer says something else
    answer     none: it is answered, and by no guard
    """

    kind: Literal["say", "reveal", "call", "recite", "diverge", "answer"]
    parts: tuple[str, ...] = ()


class Attack(msgspec.Struct, frozen=True, kw_only=True):
    """`messages` open the conversation, in the chat dialect; `turns` are what the user says after each answer. `tools`
    are in OpenAI's shape. `text` is the attack as it was changed by the mutators that `mutator` names, joined by `+`;
    empty for none. `documents` are what it was hidden in. `system_needed` says that it means nothing to a target with
    a system prompt of its own."""

    id: str
    attack_class: AttackClass
    seed: str
    family: str
    goal: Goal
    messages: tuple[Json, ...]
    mutator: str = ""
    turns: tuple[str, ...] = ()
    tools: tuple[Json, ...] = ()
    text: str = ""
    documents: tuple[str, ...] = ()
    system_needed: bool = False


def case_of(attack: Attack) -> Case:
    """An attack as a case of a run."""
    told: Json = msgspec.to_builtins(attack)
    about = {"class": attack.attack_class, "mutator": attack.mutator or "none", "family": attack.family}
    return Case(id=attack.id, input=told, metadata={**about, "seed": attack.seed})


def attack_of(case: Case) -> Attack:
    """The attack that a case is. Raises msgspec.ValidationError for another case."""
    return msgspec.convert(case.input, Attack)
