"""Precision and recall of the linter on prompts that were read and labelled whole, and on planted contradictions.

    python -m benchmarks.prompt_lint.recall wheels/*.whl

read.csv has for each prompt which practices it lacks where they matter, `users` where what users write has no mark of
its end, and `data` where that holds of other data alone (a finding is right, none is no miss). planted.csv has
sentences that each contradict something in a prompt, to be added at its end. Both have hashes in place of texts.
"""

import csv
import sys
from collections import Counter
from pathlib import Path

from benchmarks.prompt_lint.gather import Found, files_of, prompts_of
from benchmarks.prompt_lint.run import draft, told

from pilothouse.prompts.lint.linter import Linter

HERE = Path(__file__).parent
PRACTICES = [f"P10{number}" for number in range(1, 9)]


def rows(name: str) -> list[dict[str, str]]:
    with (HERE / name).open() as lines:
        return list(csv.DictReader(lines))


def codes(found: Found, template: str | None = None) -> dict[str, str]:
    one = found if template is None else Found(found.source, found.role, found.syntax, template)
    return {finding.code: finding.text for finding in Linter().lint(draft(one)).findings}


def labelled(half: str, prompts: dict[str, Found]) -> None:
    right, wrong, missed = Counter[str](), Counter[str](), Counter[str]()
    for row in rows("read.csv"):
        if row["half"] != half or row["kind"] != "whole" or row["prompt"] not in prompts:
            continue
        want, found = set(row["missing"].split()), set(codes(prompts[row["prompt"]]))
        for code in PRACTICES:
            right[code] += code in found and code in want
            wrong[code] += code in found and code not in want
            missed[code] += code not in found and code in want
        users = bool(found & {"P303", "P304", "P305"})
        right["P303-5"] += users and bool(want & {"users", "data"})
        wrong["P303-5"] += users and not want & {"users", "data"}
        missed["P303-5"] += not users and "users" in want
    print(f"\n| {half} | right of those told | told of those to be told |\n|---|---|---|")
    for name, group in [*((code, [code]) for code in PRACTICES), ("practices", PRACTICES), ("P303-5", ["P303-5"])]:
        good, bad, lost = (sum(count[code] for code in group) for count in (right, wrong, missed))
        print(f"| {name} | {told(good, good + bad)} | {told(good, good + lost)} |")


def planted(half: str, prompts: dict[str, Found]) -> None:
    found = total = 0
    for row in rows("planted.csv"):
        if row["half"] == half and (one := prompts.get(row["prompt"])) is not None:
            before, after = codes(one), codes(one, f"{one.template.rstrip()}\n{row['sentence']}\n")
            total += 1
            found += any(code.startswith("P15") and before.get(code) != text for code, text in after.items())
    print(f"| planted contradictions | | {told(found, total)} |")


if __name__ == "__main__":
    texts = [one for path in sys.argv[1:] for read in (prompts_of, files_of) for one in read(Path(path))]
    every = {one.key: one for one in texts}
    for part in ("dev", "test", "fresh"):
        labelled(part, every)
        planted(part, every)
    alarms = [(one.source, code) for one in every.values() for code in codes(one) if code.startswith("P15")]
    print(f"\nContradictions told in {len(every)} texts as they are: {alarms}")
