"""How many attacks `injection_rules` finds, and how often it is wrong, source by source.

    python benchmarks/guards/attack_rules.py DATA [--show SOURCE]

The phrases were written without a look at any of these sources.
"""

import argparse
import asyncio
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from pilothouse.guards.attack.rules import InjectionRules
from pilothouse.protocols import Subject
from pilothouse.stats.intervals import wilson

_LONG = 1500


def sources(data: Path) -> Iterator[tuple[str, int, list[str]]]:
    """(name, label, texts)."""
    for name in ("jailbreak_inthewild", "garak_probes", "own_templates", "harmful_requests", "benign_user_queries"):
        by_label: dict[int, list[str]] = {}
        for row in _rows(data / name / "data.jsonl"):
            by_label.setdefault(row.get("label", 0), []).append(row["text"])
        for label, texts in sorted(by_label.items()):
            yield name, label, texts
    qa = list(_rows(data / "halueval_qa" / "data.jsonl"))
    yield "halueval questions", 0, [row["question"] for row in qa]
    yield "halueval knowledge", 0, [row["knowledge"] for row in qa]
    abstracts = [row.get("text") or " ".join(row["abstract"]) for row in _rows(data / "scifact" / "corpus.jsonl")]
    yield "scifact abstracts", 0, abstracts[:2000]
    for path in sorted((data / "chunking_eval").glob("*.md")):
        text = path.read_text("utf-8")
        yield f"{path.stem}, pieces of {_LONG}", 0, [text[at : at + _LONG] for at in range(0, len(text), _LONG)][:400]


def _rows(path: Path) -> Iterator[dict]:
    for line in filter(None, path.read_text("utf-8").split("\n")):
        yield json.loads(line)


async def scores(texts: Iterable[str]) -> list[float]:
    guard = InjectionRules()
    return [(await guard.check(Subject(text, "input"))).score or 0.0 for text in texts]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--show", help="print what is wrong in this source")
    args = parser.parse_args()
    threshold = InjectionRules().threshold
    print(f"{'source':34} label      n  triggered   95 % interval   at .4   at .8  median length")
    for name, label, texts in sources(args.data):
        found = asyncio.run(scores(texts))
        hits = sum(score >= threshold for score in found)
        share = wilson(hits, len(texts))
        other = [sum(score >= at for score in found) / len(texts) for at in (0.4, 0.8)]
        median = sorted(map(len, texts))[len(texts) // 2]
        print(
            f"{name:34} {label:5} {len(texts):6}    {hits / len(texts):6.3f}  [{share.low:.3f}, {share.high:.3f}]   "
            f"{other[0]:.3f}   {other[1]:.3f}  {median:6}"
        )
        if args.show == name:
            for score, text in zip(found, texts, strict=True):
                if (score >= threshold) != bool(label):
                    print(f"   {score:.2f} {' '.join(text.split())[:220]}")


if __name__ == "__main__":
    main()
