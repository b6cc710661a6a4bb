"""Prompts that attack a model and that do not, texts that hurt and that do not, from grammars of our own (CC0).

Deterministic for a seed. A family is the unit of every split inside of this source. Both sides hold short and long
prompts: how long a prompt is must not tell what it is, and benign ones speak of the same things in the same words.

    python benchmarks/guards/generate.py [injection|toxicity|hurtful] [--per-family 60] > generated.jsonl
"""

import argparse
import base64
import codecs
import json
import random
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

__all__ = ["CODERS", "Example", "generate"]

_FILES = {
    "injection": ("attacks.yaml", "benign.yaml"),
    "toxicity": ("toxic.yaml", "civil.yaml"),
    "hurtful": ("hurtful.yaml",),
}
_HERE = Path(__file__).parent
_SLOT = re.compile(r"\{(?:(\w+):)?(\w+)(?:([*+#])(\d+)-(\d+))?\}")
_KEPT = ("botname", "mode", "product", "role")
"""What has one value in a prompt, wherever it stands."""
_STRETCH = (1, 1, 1, 3, 5)
"""How many times as long a prompt is as it need be: attacks and benign ones alike."""
_LEET = str.maketrans("aeiost", "431057")
CODERS = {
    "b64": lambda text: base64.b64encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "url": quote,
    "leet": lambda text: text.translate(_LEET),
    "spaced": lambda text: " ".join(text),
    "backwards": lambda text: text[::-1],
    "upper": str.upper,
}


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt; `label` is 1 for an attack. `family` is what it was made by."""

    text: str
    label: int
    family: str


def generate(what: str = "injection", per_family: int = 60, seed: int = 11) -> Iterator[Example]:
    """Up to so many different texts of each family, of both labels; `what` is injection, toxicity, or hurtful for
    what the toxicity head learns from."""
    shared = _grammar("shared.yaml")["slots"]
    for label, name in zip((1, 0), _FILES[what], strict=False):
        written = _grammar(name)
        slots = shared | written["slots"]
        for family, starts in written["families"].items():
            source = random.Random(f"{seed} {family}")
            texts = {_one(starts, slots, source) for _ in range(per_family)}
            yield from (Example(text, label, family) for text in sorted(texts))


def _grammar(name: str) -> dict[str, Any]:
    return yaml.safe_load((_HERE / name).read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def _one(starts: list[str], slots: dict[str, list[str]], source: random.Random) -> str:
    kept = {name: [source.choice(slots[name])] for name in _KEPT if name in slots}
    return _filled(source.choice(starts), slots | kept, source, source.choice(_STRETCH))


def _filled(template: str, slots: dict[str, list[str]], source: random.Random, stretch: int = 1) -> str:
    """With each `{slot}` filled. `{slot*2-4}` are several, joined by blanks, `{slot+2-4}` by lines, `{slot#2-4}`
    numbered, and `stretch` times as many; `{b64:slot}` is one that is encoded."""

    def fill(found: re.Match[str]) -> str:
        coder, name, how, low, high = found.groups()
        if name == "number":
            return str(source.randrange(2, 90))
        if how is None:
            text = _filled(source.choice(slots[name]), slots, source)
            return CODERS[coder](text) if coder else text
        wanted, drawn = source.randint(int(low), int(high)) * stretch, list[str]()
        while len(drawn) < wanted:
            drawn += source.sample(slots[name], min(wanted - len(drawn), len(slots[name])))
        parts = [_filled(one, slots, source) for one in drawn]
        match how:
            case "*":
                return " ".join(parts)
            case "+":
                return "\n".join(parts)
        return "\n".join(f"{at}. {part}" for at, part in enumerate(parts, 1))

    return _SLOT.sub(fill, template)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=[*_FILES], default="injection")
    parser.add_argument("--per-family", type=int, default=60)
    arguments = parser.parse_args()
    for example in generate(arguments.what, arguments.per_family):
        print(json.dumps(asdict(example), ensure_ascii=False))


if __name__ == "__main__":
    main()
