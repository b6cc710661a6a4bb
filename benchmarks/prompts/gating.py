"""How often the gate of prompts lets a version through, by how much the version is truly worse.

    python benchmarks/prompts/gating.py [SIMULATIONS]

Cases pass or fail, or have scores: each case its own, and every answer noise of its own.
Each simulation is decided by the same function as a real one, with the margin and the number of cases below. A version
that is worse by the margin itself should pass in at most 2.5 %; one that is as good should pass often where there are
as many cases as the gate says are needed.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # before numpy

import sys
from collections.abc import Callable

import numpy as np

from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.evals.reports.compare import compare
from pilothouse.evals.reports.summary import Summary
from pilothouse.evals.reports.told import Facts, Told
from pilothouse.lifecycle.prompting.deciding import decide
from pilothouse.prompting import Protected

MARGIN = 0.05
RULE = Protected(suite={"dataset": "d", "evaluators": ["m"]}, margin=MARGIN)
RUN = Facts(id="r", name="r")
LOSSES = (0.0, 0.025, 0.05, 0.10)
Pair = Callable[[np.random.Generator, int, float], tuple[np.ndarray, np.ndarray]]


def passes(random: np.random.Generator, n: int, loss: float) -> tuple[np.ndarray, np.ndarray]:
    """8 of 10 cases pass before; 5 % and the loss flip to the worse, 5 % to the better."""
    before = random.random(n) < 0.8
    falls, rises = (0.05 + loss) / 0.8, 0.05 / 0.2
    after = np.where(before, random.random(n) >= falls, random.random(n) < rises)
    return before.astype(float), after.astype(float)


def scores(random: np.random.Generator, n: int, loss: float) -> tuple[np.ndarray, np.ndarray]:
    """About 0.7 before, of cases that differ by 0.15 and answers by 0.1."""
    case = random.normal(0.7, 0.15, n)
    before, after = case + random.normal(0, 0.1, n), case - loss + random.normal(0, 0.1, n)
    return before, after


def outcomes(values: np.ndarray, binary: bool) -> list[Outcome]:
    return [
        Outcome(
            case=Case(id=f"c{place}", input=place),
            verdicts=(Verdict.ok("m", value, passed=bool(value) if binary else None),),
        )
        for place, value in enumerate(values.tolist())
    ]


def share(kind: Pair, n: int, loss: float, times: int) -> float:
    random, passed = np.random.default_rng([n, round(loss * 1000)]), 0
    for _ in range(times):
        before, after = (outcomes(side, kind is passes) for side in kind(random, n, loss))
        told = Told(
            run=RUN, baseline=RUN, summary=Summary(cases=n, trials=1, outcomes=n), comparison=compare(before, after)
        )
        passed += decide(RULE, "m", told, after).passed
    return passed / times


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(f"margin {MARGIN}, {times} simulations a cell; share let through by true loss")
    print("kind    cases  " + "  ".join(f"{loss:>6.3f}" for loss in LOSSES))
    for kind in (passes, scores):
        for n in (50, 100, 200, 400):
            cells = [share(kind, n, loss, times) for loss in LOSSES]
            print(f"{kind.__name__:7} {n:5}  " + "  ".join(f"{cell:6.1%}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
