"""Pairs of questions, made from blocks by hand: some mean the same, some only look alike. Deterministic.

`questions.txt` to `seventh.txt` have the domains that calibrate, `heldout.txt` those that are only reported on.

Every question has a meaning: the block it stands in, its near miss if it is one, the values of its slots, and what a
rewriting changed in it. Two questions mean the same if their meanings are equal.
"""

import itertools
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rewritings import CHANGING, KEEPING

SLOT = re.compile(r"{(\w+)}")
SEED = 20261127


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    meaning: str
    domain: str
    how: str  # the family of the wording: "written", or a rewriting's name


@dataclass(frozen=True, slots=True)
class QuestionPair:
    one: str
    other: str
    same: bool
    family: str
    domain: str


@dataclass(slots=True)
class Block:
    """A meaning in several wordings, and what is near it."""

    split: str
    domain: str
    slots: dict[str, list[str]]
    same: list[str] = field(default_factory=list)
    near: list[str] = field(default_factory=list)


def blocks() -> list[Block]:
    """The blocks of the file."""
    found: list[Block] = []
    split = domain = ""
    slots: dict[str, list[str]] = {}
    files = (
        "questions.txt",
        "second.txt",
        "third.txt",
        "fourth.txt",
        "fifth.txt",
        "sixth.txt",
        "seventh.txt",
        "heldout.txt",
    )
    lines = [Path(__file__).with_name(name).read_text().splitlines() for name in files]
    for line in itertools.chain(*lines):
        mark, text = line[:2], line[2:].strip()
        if line.startswith("## "):
            split, _, domain = line[3:].partition(": ")
            slots = {}
        elif line.startswith("@"):
            name, _, values = line[1:].partition(": ")
            slots[name] = values.split(" | ")
        elif mark == "> ":
            found.append(Block(split, domain, slots, [text]))
        elif mark == "= ":
            found[-1].same.append(text)
        elif mark == "! ":
            found[-1].near.append(text)
    return found


def fills(template: str, slots: dict[str, list[str]]) -> list[dict[str, str]]:
    """Every choice of values for the slots of a wording."""
    names = sorted(set(SLOT.findall(template)))
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*(slots[name] for name in names))]


def filled(template: str, values: dict[str, str]) -> str:
    text = SLOT.sub(lambda match: values[match.group(1)], template)
    return text[0].upper() + text[1:]


# ---- pairs


def questions(split: str) -> dict[str, list[Question]]:
    """Of a split, all questions, by the block they belong to."""
    found: dict[str, list[Question]] = {}
    for number, block in enumerate(blocks()):
        if block.split != split:
            continue
        rows = found.setdefault(f"{block.domain} {number}", [])
        for values in fills(" ".join(block.same + block.near), block.slots):
            for kind, templates in (("same", block.same), *((f"near {i}", [t]) for i, t in enumerate(block.near))):
                used = {name: values[name] for name in SLOT.findall(templates[0])}
                meaning = f"{number} {kind} {sorted(used.items())}"
                for template in templates:
                    rows.append(Question(filled(template, values), meaning, block.domain, "written"))
        known: set[str] = set()
        rows[:] = [row for row in rows if not (row.text in known or known.add(row.text))]
        for row in list(rows):
            for keep in KEEPING[split]:
                if (text := keep(row.text)) != row.text:
                    rows.append(Question(text, row.meaning, row.domain, keep.__name__))
            for change in CHANGING[split]:
                changed = change(row.text)
                if changed is not None and changed not in known:  # else it is another question of the block
                    rows.append(Question(changed, f"{row.meaning} {change.__name__}", row.domain, change.__name__))
    return found


def pairs(split: str, per_block: int = 120) -> list[QuestionPair]:
    """Of each block, up to `per_block` pairs that mean the same and as many that do not, spread over their families."""
    dice = random.Random(SEED)
    made: list[QuestionPair] = []
    for rows in questions(split).values():
        same: dict[str, list[QuestionPair]] = {}
        near: dict[str, list[QuestionPair]] = {}
        for one, other in itertools.combinations(rows, 2):
            family = family_of(one, other)
            if family is not None:
                pair = QuestionPair(one.text, other.text, one.meaning == other.meaning, family, one.domain)
                (same if pair.same else near).setdefault(family, []).append(pair)
        for families in (same, near):
            made += spread(families, per_block, dice)
    return made


def family_of(one: Question, other: Question) -> str | None:
    """What makes the pair: a wording by hand, a rewriting, a near question, another value of a slot."""
    if one.meaning == other.meaning:
        if one.how == other.how == "written":
            return "same: another wording"
        return f"same: {other.how}" if one.how == "written" else None
    if one.how != "written":
        return None
    if other.how != "written":
        changes = other.how in {change.__name__ for changes in CHANGING.values() for change in changes}
        return f"near: {other.how}" if changes and other.meaning.startswith(one.meaning) else None
    if one.meaning.split(" [")[0] == other.meaning.split(" [")[0]:
        return "near: another value"
    return "near: another question" if one.meaning.split(" [")[1] == other.meaning.split(" [")[1] else None


def spread(families: dict[str, list[QuestionPair]], count: int, dice: random.Random) -> Iterator[QuestionPair]:
    """That many pairs, in turn from each family."""
    shuffled = [dice.sample(family, len(family)) for _, family in sorted(families.items())]
    rounds = (pair for row in itertools.zip_longest(*shuffled) for pair in row if pair is not None)
    return itertools.islice(rounds, count)
