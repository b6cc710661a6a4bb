"""How often the linter is right, from findings that were labelled by hand; and its estimate of tokens beside cl100k.

    python -m benchmarks.prompt_lint.run [WHEELS...]

Without wheels: precision by rule and round from labels.csv. With wheels: which of the labelled findings the linter of
today still tells, how often each rule speaks, how long it takes, and, where `tiktoken` has its vocabulary, tokens.
"""

import csv
import statistics
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

from benchmarks.prompt_lint.gather import Found, prompts_of

from pilothouse.prompts.content import content_of
from pilothouse.prompts.lint.draft import Draft
from pilothouse.prompts.lint.linter import Linter, draft_of
from pilothouse.prompts.lint.tokens import tokens
from pilothouse.stats.intervals import wilson_bounds

LABELS = Path(__file__).with_name("labels.csv")
GROUPS = {"P1": "practices", "P15": "contradictions", "P2": "variables", "P3": "safety", "P4": "cost"}


def draft(found: Found) -> Draft:
    template = found.template if found.role == "text" else [{"role": "system", "content": found.template}]
    return draft_of(content_of({"template": template, "syntax": found.syntax}), found.key)


def group(code: str) -> str:
    return GROUPS["P15" if code.startswith("P15") else code[:2]]


def told(right: int, total: int) -> str:
    low, high = wilson_bounds(right, total, 1.96)
    return f"{right} of {total} ({low:.0%} to {high:.0%})" if total else ""


def precision(rows: list[dict[str, str]]) -> None:
    print("| round | rules | right, of whole prompts | right, of all texts |\n|---|---|---|---|")
    for number in sorted({row["round"] for row in rows}):
        mine = [row for row in rows if row["round"] == number]
        for name in dict.fromkeys(GROUPS.values()):
            some = Counter(row["label"] for row in mine if group(row["code"]) == name)
            if some:
                whole = some["right"] + some["wrong"]
                print(f"| {number} | {name} | {told(some['right'], whole)} | {told(some['right'], some.total())} |")
    last = max(row["round"] for row in rows)
    print("\n| rule | right, of whole prompts, last round |\n|---|---|")
    for code in sorted({row["code"] for row in rows if row["round"] == last}):
        some = Counter(row["label"] for row in rows if row["round"] == last and row["code"] == code)
        print(f"| {code} | {told(some['right'], some['right'] + some['wrong'])} |")


def today(wheels: list[Path], rows: list[dict[str, str]]) -> None:
    prompts = {found.key: found for wheel in wheels for found in prompts_of(wheel)}
    spoken, took, linter = defaultdict[str, set[str]](set), list[float](), Linter()
    for key, found in prompts.items():
        began = time.perf_counter()
        report = linter.lint(draft(found))
        took.append(time.perf_counter() - began)
        for one in report.findings:
            spoken[one.code].add(key)
    print(
        f"\n{len(prompts)} texts, {statistics.median(took) * 1e3:.1f} ms each (median), {max(took) * 1e3:.0f} at most"
    )
    print("| rule | texts it speaks of | right ones kept | wrong ones kept |\n|---|---|---|---|")
    for code in sorted({*spoken, *(row["code"] for row in rows)}):
        mine = [row for row in rows if row["code"] == code and row["prompt"] in prompts]
        kept = {
            label: f"{sum(row['prompt'] in spoken[code] for row in some)} of {len(some)}"
            for label in ("right", "wrong") if (some := [row for row in mine if row["label"] == label])
        }  # fmt: skip
        print(f"| {code} | {len(spoken[code])} | {kept.get('right', '')} | {kept.get('wrong', '')} |")
    counted([found.template for found in prompts.values()])


def counted(texts: list[str]) -> None:
    try:
        import tiktoken

        encoding = tiktoken.get_encoding("cl100k_base")
    except (ImportError, OSError) as error:
        print(f"\nNo tokens to compare with: {error}")
        return
    pairs = [(len(encoding.encode(text, disallowed_special=())), tokens(text), -(-len(text) // 4)) for text in texts]
    for name, place in (("this estimate", 1), ("characters / 4", 2)):
        off = [pair[place] / pair[0] - 1 for pair in pairs]
        far = sorted(map(abs, off))
        print(f"{name}: bias {statistics.fmean(off):+.1%}, median error {statistics.median(far):.1%}, "
              f"95 % of the texts within {far[round(0.95 * (len(far) - 1))]:.1%}")  # fmt: skip


if __name__ == "__main__":
    with LABELS.open() as lines:
        labelled = list(csv.DictReader(lines))
    precision(labelled)
    if sys.argv[1:]:
        today([*map(Path, sys.argv[1:])], labelled)
