"""Broken answers: how many come back as they were meant, by `json.loads`, json-repair alone and the guards' reader; CPU
time beside. Values that still come: the cost of all their parts, beside reading the whole again for each piece.

    PYTHONPATH=src python benchmarks/guards/form.py

Answers are drawn by chance (a seed each) from four schemas and broken in one or two of the ways that models break them
(`BREAKS`). Right is what equals the value that was broken; wrong is another value, given as if it were right: worse
than none. A truncated answer has lost something: right is none of it, and what counts is whether anything wrong is
passed on as valid; so it is told apart.
"""

import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from json_repair import repair_json

from pilothouse.guards.form.growing import NOTHING
from pilothouse.guards.form.partial import Partials
from pilothouse.guards.form.schema import SchemaForm
from pilothouse.stats.intervals import wilson

SEED, EACH = 20261128, 400
WORDS = (
    "order", "ship's log", 'the "old" harbour', "42", "true", "a, b", "[draft]", "{name}", "café", "line one\nline two",
    "C:\\temp", "", "it's fine", "100%", "null", "see: appendix", "naïve", "日本語", "x" * 80,
)  # fmt: skip


def text(chance: random.Random) -> str:
    return " ".join(chance.choice(WORDS) for _ in range(chance.randint(1, 3)))


def closed(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": [*properties], "properties": properties, "additionalProperties": False}


STRING, NUMBER, WHOLE, TRUTH = ({"type": one} for one in ("string", "number", "integer", "boolean"))
SCHEMAS: dict[str, tuple[dict[str, Any], Callable[[random.Random], Any]]] = {
    "ticket": (
        closed(title=STRING, urgent=TRUTH, level={"enum": ["low", "high"]}),
        lambda c: {"title": text(c), "urgent": c.random() < 0.5, "level": c.choice(["low", "high"])},
    ),
    "invoice": (
        closed(no=WHOLE, lines={"type": "array", "items": closed(name=STRING, price=NUMBER)}),
        lambda c: {
            "no": c.randint(1, 10**6),
            "lines": [{"name": text(c), "price": round(c.random() * 100, 2)} for _ in range(c.randint(1, 12))],
        },
    ),
    "tags": (
        {"type": "array", "items": STRING, "minItems": 1},
        lambda c: [text(c) for _ in range(c.randint(1, 8))],
    ),
    "report": (
        closed(summary=STRING, found=closed(count=WHOLE, by={"type": "object", "additionalProperties": NUMBER})),
        lambda c: {
            "summary": " ".join(text(c) for _ in range(12)),
            "found": {"count": c.randint(0, 99), "by": {f"k{n}": c.randint(0, 9) for n in range(c.randint(0, 6))}},
        },
    ),
}  # fmt: skip


def unquoted_keys(said: str, chance: random.Random) -> str:
    return re.sub(r'"([A-Za-z_]\w*)":', r"\1:", said)


def cut(said: str, chance: random.Random) -> str:
    return said[: chance.randint(max(1, len(said) // 3), len(said) - 1)]


BREAKS: dict[str, Callable[[str, random.Random], str]] = {
    "fence": lambda said, c: f"```json\n{said}\n```",
    "fence between words": lambda said, c: f"Here is what you asked for:\n\n```\n{said}\n```\n\nShall I go on?",
    "words before": lambda said, c: f"Sure! As the rules [1] say: {said}",
    "words after": lambda said, c: f"{said}\n\nNote: I left out {{nothing}}.",
    "single quotes": lambda said, c: repr(json.loads(said)),
    "comma at the end": lambda said, c: re.sub(r"([}\]])$", r",\1", said),
    "keys without quotes": unquoted_keys,
    "comments": lambda said, c: re.sub(r"^([{\[])", r"\1 // as asked\n", said),
    "line breaks in texts": lambda said, c: said.replace("\\n", "\n"),
    "closing bracket missing": lambda said, c: said[:-1],
    "comma missing": lambda said, c: re.sub(r'", "', '" "', said, count=1),
    "quotes in texts": lambda said, c: said.replace('\\"', '"'),
    "numbers as texts": lambda said, c: re.sub(r": (\d+(?:\.\d+)?)([,}])", r': "\1"\2', said),
    "twice": lambda said, c: f"{said}\n{said}",
    "typographic quotes": lambda said, c: re.sub(r'"(\w+)":', r"“\1”:", said),
}
UNSEEN: dict[str, Callable[[str, random.Random], str]] = {
    "tags": lambda said, c: f"<json>\n{said}\n</json>",
    "assignment": lambda said, c: f"result = {said};",
    "inline code": lambda said, c: f"The result is `{said}`.",
    "thoughts before": lambda said, c: f"<think>Is it {{a, b}} or [c]? It is.</think>\n{said}",
    "written as a text": lambda said, c: json.dumps(said),
    "truth values in capitals": lambda said, c: re.sub(r": (true|false)\b", lambda found: found[0].upper(), said),
    "typographic quotes everywhere": lambda said, c: re.sub(r'"((?:[^"\\]|\\.)*)"', r"“\1”", said),
    "entities": lambda said, c: said.replace('"', "&quot;"),
    "comment after a line": lambda said, c: said.replace(",\n", ", # as asked\n"),
    "opening bracket missing": lambda said, c: said[1:],
    "hard spaces": lambda said, c: re.sub(r'(": |",) ?', "\\1\u00a0", said),
    "all quotes escaped": lambda said, c: said.replace('"', '\\"'),
    "colon missing": lambda said, c: re.sub(r'^(\{\s*"\w+"):', r"\1", said),
    "equals for colons": lambda said, c: re.sub(r'("\w+"):', r"\1 =", said),
}
"""Ways that were written once the reader was done; what was seen of them has since led to changes."""
LATER: dict[str, Callable[[str, random.Random], str]] = {
    "bold words before": lambda said, c: f"**Result:** {said}",
    "code before": lambda said, c: f"```python\nprint({{'a': [1]}})\n```\n\n```json\n{said}\n```",
    "comment in stars": lambda said, c: re.sub(r"^([{\[])", r"\1 /* as asked */", said),
    "dots after": lambda said, c: f"{said} ...",
    "a bracket too many": lambda said, c: said + said[-1],
    "double brackets": lambda said, c: f"{said[0]}{said}{said[-1]}" if said[0] == "{" else said,
    "byte order mark": lambda said, c: f"\ufeff{said}",
    "its name before": lambda said, c: f"json\n{said}",
    "in a call": lambda said, c: f"answer({said})",
    "a quote of a key missing": lambda said, c: re.sub(r'^(\{\s*"\w+)"', r"\1", said),
    "comma and dots": lambda said, c: re.sub(r"\]\}?$", lambda found: f", ...{found[0]}", said),
}
"""Ways that were written after those changes, and run once."""
CUT = "cut off"


def loads(said: str, form: SchemaForm) -> Any:
    try:
        return json.loads(said)
    except ValueError:
        return NOTHING


def repaired(said: str, form: SchemaForm) -> Any:
    return repair_json(said, return_objects=True)


def repaired_and_held(said: str, form: SchemaForm) -> Any:
    value = repair_json(said, return_objects=True)
    return NOTHING if form.problems(value) else value


def guarded(said: str, form: SchemaForm) -> Any:
    formed = form.read(said)
    return NOTHING if formed.problems else formed.value


def kept(said: str, form: SchemaForm) -> Any:
    formed = SchemaForm(form.schema or {}, keep_cut=True).read(said)
    return NOTHING if formed.problems else formed.value


READERS = {
    "json.loads": loads, "json-repair": repaired, "json-repair, held to the schema": repaired_and_held,
    "guard": guarded, "guard, keep_cut": kept,
}  # fmt: skip


def broken(number: int, breaks: dict[str, Any], ends: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """(schema, text, value meant, form, ways) of many answers."""
    chance, forms = random.Random(number), {name: SchemaForm(schema) for name, (schema, _) in SCHEMAS.items()}
    made = []
    for way in (*breaks, *ends):
        count = 0
        while count < EACH:
            name = chance.choice([*SCHEMAS])
            value = SCHEMAS[name][1](chance)
            said = json.dumps(value, ensure_ascii=chance.random() < 0.5, indent=chance.choice([None, 2]))
            ways = chance.sample([*breaks], 2) if way == "two ways" else [way]
            try:
                worse = said
                for one in sorted(ways, key=[*breaks, CUT].index, reverse=True):
                    worse = cut(worse, chance) if one == CUT else breaks[one](worse, chance)
            except ValueError:
                continue
            if worse != said:
                made.append((name, worse, value, forms[name], (way, *ways)))
                count += 1
    return made


def main() -> None:
    table("Ways that the reader was made with", broken(SEED, BREAKS, ("two ways", CUT)), [*BREAKS, "two ways"], [CUT])
    table("Ways that led to changes since", broken(SEED + 1, UNSEEN, ()), [*UNSEEN], [])
    table("Ways that it had not seen", broken(SEED + 2, LATER, ()), [*LATER], [])
    whole()
    parts()


def table(title: str, cases: list[tuple[Any, ...]], ways: list[str], apart: list[str]) -> None:
    print(f"{title}: {len(cases):,} answers, {sum(len(one[1]) for one in cases):,} characters\n")
    right = {name: Counter[str]() for name in READERS}
    wrong = {name: Counter[str]() for name in READERS}
    took = dict[str, float]()
    for name, read in READERS.items():
        start, values = time.process_time(), []
        for _, said, _, form, _ in cases:
            try:
                values.append(read(said, form))
            except Exception:  # noqa: BLE001 - counted as no answer
                values.append(NOTHING)
        took[name] = time.process_time() - start
        for value, (_, _, meant, _, how) in zip(values, cases, strict=True):
            same = value == meant and type(value) is type(meant)
            right[name][how[0]] += same
            wrong[name][how[0]] += value is not NOTHING and not same
    print("| broken by | " + " | ".join(READERS) + " |\n|" + "---|" * (len(READERS) + 1))
    for way in (*ways, *apart):
        cells = [f"{right[name][way] / EACH:.1%}, wrong {wrong[name][way] / EACH:.1%}" for name in READERS]
        print(f"| {way} | " + " | ".join(cells) + " |")
    cells = []
    for name in READERS:
        bounds = [wilson(sum(one[name][way] for way in ways), EACH * len(ways)) for one in (right, wrong)]
        cells.append(", wrong ".join(f"{one.value:.1%} ({one.low:.1%} to {one.high:.1%})" for one in bounds))
    print(f"| **all{' but cut off' if apart else ''}** | " + " | ".join(cells) + " |")
    size = sum(len(one[1]) for one in cases) / 1024
    print("| CPU, µs per 1,024 characters | " + " | ".join(f"{one / size * 1e6:.0f}" for one in took.values()) + " |\n")


def whole() -> None:
    """Answers that are in their form: what looking costs where nothing is wrong."""
    schema, make = SCHEMAS["invoice"]
    form, chance = SchemaForm(schema), random.Random(SEED)
    texts = [json.dumps(make(chance)) for _ in range(2_000)]
    start = time.process_time()
    for said in texts:
        assert not form.read(said).problems
    took = time.process_time() - start
    print(f"in their form: {took / sum(map(len, texts)) * 1024 * 1e6:.1f} µs per 1,024 characters, read and held\n")


def parts() -> None:
    """A value in pieces of four characters: all its parts, and each piece read by json-repair from the start."""
    print("| characters | parts told | all parts, ms | json-repair on each prefix, ms |\n|---|---|---|---|")
    for lines in (10, 40, 160, 640, 2560):
        value = {"no": 1, "lines": [{"name": f"thing {n}", "price": n + 0.5} for n in range(lines)]}
        said = json.dumps(value)
        pieces = [said[at : at + 4] for at in range(0, len(said), 4)]
        start, partials, told = time.process_time(), Partials(), 0
        for piece in pieces:
            told += partials.feed(piece) is not NOTHING
        mine = time.process_time() - start
        beside = "not run"
        if lines <= 160:
            start = time.process_time()
            for at in range(4, len(said), 4):
                repair_json(said[:at], return_objects=True, stream_stable=True)
            beside = f"{(time.process_time() - start) * 1e3:,.0f}"
        print(f"| {len(said):,} | {told:,} | {mine * 1e3:,.1f} | {beside} |")


if __name__ == "__main__":
    main()
