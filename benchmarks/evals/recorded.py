"""What the runner costs: CPU per case of recorded answers with five rules, everything kept in SQLite.

    python benchmarks/evals/recorded.py [CASES]

Beside it the same evaluators alone, on the same cases in the same process, and what a run of one case costs: its start.
"""

import asyncio
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pilothouse import evaluate
from pilothouse.evals.registry import Evaluators
from pilothouse.evals.shapes import Case, Models
from pilothouse.settings import Settings
from pilothouse.testing.record import new_call

RULES: list[Any] = [
    "exact", "contains_expected", {"use": "length", "unit": "words", "maximum": 60},
    {"use": "regex", "pattern": "word"}, {"use": "keywords", "keywords": ["word3"]},
]  # fmt: skip
ROUNDS, SEED = 5, 1


def cases_of(count: int) -> list[Case]:
    chosen = random.Random(SEED)
    texts = [" ".join(f"word{chosen.randrange(50)}" for _ in range(40)) for _ in range(count)]
    return [Case(id=f"c{i:05}", input=f"Question {i}?", output=text, expected=text) for i, text in enumerate(texts)]


def of_run(cases: list[Case], home: Path) -> float:
    """CPU seconds of a run."""
    began = time.process_time()
    result = evaluate(None, cases, RULES, settings=Settings(home=home))
    spent = time.process_time() - began
    assert result.summary.outcomes == len(cases)
    return spent


async def alone(cases: list[Case]) -> float:
    """CPU seconds of the evaluators by themselves."""
    known, models = Evaluators(), Models(make_call=new_call)
    made = [known.from_config(one, None) if isinstance(one, str) else
            known.from_config(one["use"], {k: v for k, v in one.items() if k != "use"}) for one in RULES]  # fmt: skip
    began = time.process_time()
    for case in cases:
        for evaluator in made:
            assert (await evaluator.evaluate(case, models)).status == "ok"
    return time.process_time() - began


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    cases = cases_of(count)
    with tempfile.TemporaryDirectory() as made:
        of_run(cases[:1], Path(made) / "warm")
        one = statistics.median(of_run(cases[:1], Path(made) / f"one{i}") for i in range(ROUNDS))
        whole = statistics.median(of_run(cases, Path(made) / f"all{i}") for i in range(ROUNDS))
    rules = statistics.median(asyncio.run(alone(cases)) for _ in range(ROUNDS))
    of_case, of_rules = ((spent / count) * 1e6 for spent in (whole - one, rules))
    print(
        f"{count} cases, {len(RULES)} rules: {of_case:.0f} us of CPU per case, of which the rules take {of_rules:.0f}"
    )
    print(f"a run of one case: {one * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
