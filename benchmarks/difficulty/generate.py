"""Requests that are easy or hard by construction, in families of templates (families.yaml). Deterministic for a seed.

A family is the unit of the split: the head never trains on a family that it is measured on. What "hard" means here is
the author's judgement (several steps, constraints to hold together, code, proofs, sources to reconcile), not the
measured failure of any model: `pilothouse router train` replaces it by the scores of your own.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

__all__ = ["HELD_OUT", "Example", "generate"]

_WRITTEN: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "families.yaml").read_text())
HELD_OUT = frozenset(_WRITTEN["held_out"])


@dataclass(frozen=True, slots=True)
class Example:
    """A request, whether it is hard, and the family it comes from."""

    text: str
    hard: bool
    family: str


def generate(per_family: int = 150, seed: int = 7) -> Iterator[Example]:
    """Up to `per_family` different requests of each family."""
    source = random.Random(seed)
    for hard, kind in ((False, "easy"), (True, "hard")):
        for family, templates in _WRITTEN[kind].items():
            texts = {_filled(source.choice(templates), source) for _ in range(per_family)}
            yield from (Example(text, hard, family) for text in sorted(texts))


def _filled(template: str, source: random.Random) -> str:
    slots = {name: source.choice(values) for name, values in _WRITTEN["slots"].items()}
    numbers = {"n": source.randrange(11, 60), "m": source.randrange(3, 40), "few": source.randrange(3, 8)}
    passages = "\n".join(source.sample(_WRITTEN["slots"]["passage"], 3))
    paragraph = " ".join(source.choices(_WRITTEN["slots"]["sentence"], k=source.randrange(5, 14)))
    return template.format(**slots, **numbers, passages=passages, paragraph=paragraph)
