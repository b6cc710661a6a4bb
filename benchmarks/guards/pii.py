"""What is found of labelled personal data, at what cost, beside Presidio with a blank language model in one process.

    PYTHONPATH=src PEERS/bin/python benchmarks/guards/pii.py PRESIDIO_SYNTH.jsonl [--half develop] [--missed]

PEERS is an environment with presidio-analyzer and spacy; without them only this package is measured. The texts are made
from templates: the forms were written while looking at those with an even number (`develop`), and are measured on the
others. A span is found where a piece of its kind overlaps it; a piece is right where it overlaps a span of its kind.
Where Presidio says several things of the same characters the one with the highest score counts, as in its anonymizer.
"""

import argparse
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pilothouse.pii.finding import finder
from pilothouse.pii.kinds import KINDS

KIND_OF = {
    "CREDIT_CARD": "credit_card", "PHONE_NUMBER": "phone", "EMAIL_ADDRESS": "email", "IBAN_CODE": "iban",
    "US_SSN": "us_ssn", "IP_ADDRESS": "ip", "DOMAIN_NAME": "url", "URL": "url", "US_DRIVER_LICENSE": "driver_license",
}  # fmt: skip
"""The labels that have a form. Not among them: names, addresses, places, titles, ages, and dates that are nobody's."""
FORMS = (*dict.fromkeys(KIND_OF.values()),)
Piece = tuple[str, int, int]
Find = Callable[[str], Sequence[Piece]]


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("path", type=Path)
    arguments.add_argument("--half", choices=("develop", "measure", "all"), default="measure")
    arguments.add_argument("--missed", action="store_true", help="show what is missed and what is wrong")
    given = arguments.parse_args()
    wanted = {"develop": (0,), "measure": (1,), "all": (0, 1)}[given.half]
    rows = [row for row in map(json.loads, given.path.read_text().splitlines()) if row["template_id"] % 2 in wanted]
    print(f"{len(rows)} texts of {len({row['template_id'] for row in rows})} templates\n")
    for name, find in finders():
        measure(name, find, rows, show=given.missed)


def finders() -> list[tuple[str, Find]]:
    made: list[tuple[str, Find]] = [("pilothouse", finder(KINDS))]
    try:
        made += [(f"presidio, blank, from {least}", presidio(least)) for least in (0.0, 0.4)]
    except ImportError as error:
        print(f"without a peer: {error}")
    return made


def presidio(least: float) -> Find:
    import spacy
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    class Blank(SpacyNlpEngine):
        def __init__(self) -> None:
            super().__init__(models=[{"lang_code": "en", "model_name": "blank"}])
            self.nlp = {"en": spacy.blank("en")}

        def load(self) -> None:
            return None

    engine = AnalyzerEngine(nlp_engine=Blank(), supported_languages=["en"])

    def find(text: str) -> list[Piece]:
        kept: list[Any] = []
        for one in sorted(
            engine.analyze(text, language="en", score_threshold=least), key=lambda one: (-one.score, one.start)
        ):
            if not any(one.start < other.end and other.start < one.end for other in kept):
                kept.append(one)
        return [(KIND_OF.get(one.entity_type, one.entity_type), one.start, one.end) for one in kept]

    return find


def measure(name: str, find: Find, rows: Sequence[Any], *, show: bool) -> None:
    texts = [row["text"] for row in rows]
    find(texts[0])
    start = time.process_time()
    found = [find(text) for text in texts]
    took = time.process_time() - start
    joined = [" ".join(texts[at : at + 12])[:1000] for at in range(0, len(texts) - 12, 12)]
    start = time.process_time()
    for text in joined:
        find(text)
    long = time.process_time() - start
    there, hit, said, right = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for row, pieces in zip(rows, found, strict=True):
        spans = [(KIND_OF[span["type"]], span) for span in row["spans"] if span["type"] in KIND_OF]
        for kind, span in spans:
            is_found = any(piece[0] == kind and overlap(piece, span) for piece in pieces)
            there[kind] += 1
            hit[kind] += is_found
            if show and not is_found:
                print("  missed", kind, repr(row["text"][max(0, span["start"] - 30) : span["end"] + 10]))
        for piece in pieces:
            if piece[0] in FORMS:
                is_right = any(kind == piece[0] and overlap(piece, span) for kind, span in spans)
                said[piece[0]] += 1
                right[piece[0]] += is_right
                if show and not is_right:
                    print("  wrong", piece[0], repr(row["text"][max(0, piece[1] - 30) : piece[2] + 10]))
    print(f"### {name}\n\n| kind | found of those there | right of those said |\n|---|---|---|")
    for kind in FORMS:
        print(f"| {kind} | {hit[kind]} of {there[kind]} | {right[kind]} of {said[kind]} |")
    print(f"| all | {share(hit.total(), there.total())} | {share(right.total(), said.total())} |")
    print(
        f"\n{took / sum(map(len, texts)) * 1e6:.2f} ms of CPU for 1,000 characters in texts of "
        f"{sum(map(len, texts)) // len(texts)}, {long / sum(map(len, joined)) * 1e6:.2f} in texts of 1,000\n"
    )


def share(part: int, whole: int) -> str:
    """With the Wilson interval of 95 %, as if texts of one template told nothing of each other."""
    if not whole:
        return "none"
    p, z = part / whole, 1.96
    middle, half = p + z * z / (2 * whole), z * math.sqrt(p * (1 - p) / whole + z * z / (4 * whole * whole))
    low, high = ((middle - half) / (1 + z * z / whole), (middle + half) / (1 + z * z / whole))
    return f"{part} of {whole}: {p:.3f} [{low:.3f}, {high:.3f}]"


def overlap(piece: Piece, span: dict[str, Any]) -> bool:
    return piece[1] < span["end"] and span["start"] < piece[2]


if __name__ == "__main__":
    main()
