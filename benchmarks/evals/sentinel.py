"""How often the sentinel raises a false alarm, and how soon it notices changes of known size.

    python benchmarks/evals/sentinel.py [SEQUENCES]

Deployments are simulated, everything after the answers is the sentinel's own code: ten golden prompts, a baseline of 24
runs, alarms at 1,000. A deployment answers a prompt in its usual words, and now and then in one of three others; its
times vary. Seeded: the figures come out the same on every machine.
"""

import sys
import time
from functools import lru_cache

import numpy as np

from pilothouse.lifecycle.sentinel import measuring
from pilothouse.lifecycle.sentinel.answers import Answer, Run
from pilothouse.lifecycle.sentinel.course import Course, take

PROMPTS, BASELINE, LIMIT = 10, 24, 1000.0
WATCH = ("agreement", "meaning", "length", "refusals", "fingerprint", "evaluators")
USUAL = 0.1  # of answers come in other words
TEXT = "the tower is ninety seven metres high and was built of iron by hand long ago"
WORDS = TEXT.split(" ")


class Deployment:
    """`rewritten` of the prompts are answered in new words, `other` is the share of answers in other words than usual,
    `worse` is taken from the score of an evaluator."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.course, self.references, self.hour = Course(), list[Run](), 0

    def run(self, other: float = USUAL, rewritten: float = 0.0, worse: float = 0.0, fingerprint: str = "fp1") -> str:
        self.hour += 1
        answers = {}
        for prompt in range(PROMPTS):
            variant = int(self.rng.integers(1, 4)) if self.rng.random() < other else 0
            new = prompt < rewritten * PROMPTS
            words = [*WORDS[variant:], *(["indeed"] * (3 if new else 0))]
            score = float(np.clip(0.8 + 0.1 * self.rng.normal() - worse, 0, 1))
            answers[str(prompt)] = Answer(
                text=f"{prompt} {' '.join(words)}", seconds=float(self.rng.lognormal(0, 0.3)), fingerprint=fingerprint,
                model="m", scores={"quality": score},
            )  # fmt: skip
        run = Run(at_us=self.hour, answers=answers)
        status = take(self.course, run, self.references, BASELINE, WATCH, LIMIT)
        if len(self.course.reference) > len(self.references):
            self.references.append(run)
        return status


SHIFTS = {
    "every answer in new words": {"rewritten": 1.0},
    "three of ten prompts in new words": {"rewritten": 0.3},
    "one of ten prompts in new words": {"rewritten": 0.1},
    "half of the answers in other words (before a tenth)": {"other": 0.5},
    "a quarter of the answers in other words": {"other": 0.25},
    "an evaluator's score lower by 0.2 (its answers stray by 0.1)": {"worse": 0.2},
    "an evaluator's score lower by 0.05": {"worse": 0.05},
    "another system_fingerprint alone": {"fingerprint": "fp2"},
}


def false_alarms(sequences: int, runs: int) -> None:
    """Of deployments that do not change: alarms over all runs that were watched. A sequence ends at its alarm."""
    watched = alarms = 0
    for seed in range(sequences):
        one = Deployment(seed)
        for _ in range(BASELINE + runs):
            status = one.run()
            watched += status != "learning"
            if status == "changed":
                alarms += 1
                break
    every = f"one in {watched / alarms:,.0f} runs" if alarms else f"none in {watched:,} runs"
    print(f"| {sequences} deployments that do not change | {watched:,} | {alarms} | {every} |")


def delays(sequences: int, before: int) -> None:
    """Runs from the change to the alarm, the one that alarms included."""
    for name, shift in SHIFTS.items():
        found, early = [], 0
        for seed in range(sequences):
            one = Deployment(10_000 + seed)
            if "changed" in [one.run() for _ in range(BASELINE + before)]:
                early += 1
                continue
            delay = next((n for n in range(1, 101) if one.run(**shift) == "changed"), None)  # type: ignore[arg-type]
            found.append(delay)
        seen = sorted(delay for delay in found if delay is not None)
        middle = f"{np.median(seen):.0f}" if seen else ""
        worst = f"{seen[int(0.9 * (len(seen) - 1))]}" if seen else ""
        print(f"| {name} | {before} | {len(seen)} of {len(found)} | {middle} | {worst} |")


def main() -> None:
    sequences = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    began = time.monotonic()
    for name in ("refuses", "_plain"):  # the same texts come again and again
        setattr(measuring, name, lru_cache(getattr(measuring, name)))
    print("| | runs watched | alarms | |\n|---|---|---|---|")
    false_alarms(4 * sequences, 400)
    print("\n| change | runs before it | noticed within 100 runs | median delay, runs | 90 % within |")
    print("|---|---|---|---|---|")
    for before in (0, 168):
        delays(sequences, before)
    print(f"\n{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
