"""What `pii` finds of labelled personal data, and what it finds beside them.

    PYTHONPATH=src python benchmarks/evals/personal.py PRESIDIO_SYNTH.jsonl

Each line is a text with its spans: `type`, `start`, `end`. A span is found where a piece of its kind overlaps it; a
piece that overlaps no span of its kind is false, and is counted under the type of span that it does overlap.
"""

import json
import sys
from collections import Counter
from pathlib import Path

from pilothouse.pii.finding import finder
from pilothouse.pii.kinds import KINDS

TYPES = {
    "EMAIL_ADDRESS": "email", "IP_ADDRESS": "ip", "IBAN_CODE": "iban", "CREDIT_CARD": "credit_card",
    "PHONE_NUMBER": "phone",
}  # fmt: skip


def main(path: str) -> None:
    find = finder(KINDS)
    there, found, false = Counter(), Counter(), Counter()
    for row in map(json.loads, Path(path).read_text().splitlines()):
        pieces = find(row["text"])
        for span in row["spans"]:
            if kind := TYPES.get(span["type"]):
                there[kind] += 1
                found[kind] += any(piece.kind == kind and overlap(piece, span) for piece in pieces)
        for piece in pieces:
            types = [span["type"] for span in row["spans"] if overlap(piece, span)]
            if piece.kind not in map(TYPES.get, types):
                false[piece.kind, types[0] if types else "nothing"] += 1
    for kind in TYPES.values():
        wrong = ", ".join(f"{count} {name}" for (one, name), count in false.items() if one == kind) or "0"
        print(f"| {kind} | {found[kind]} | {there[kind]} | {wrong} |")


def overlap(piece: tuple[str, int, int], span: dict[str, int]) -> bool:
    return piece[1] < span["end"] and span["start"] < piece[2]


if __name__ == "__main__":
    main(*sys.argv[1:])
